import { PublishError, toError, type WireMessage } from '@interline/core'
import { BatchBuilder, type Outgoing, placement } from '../batch.js'
import type { Destinations } from '../destinations.js'
import type { KeySpace } from '../key-space.js'
import type { Links } from '../links.js'
import { encodeAll, Publisher } from '../publisher.js'

interface Part {
  readonly publisher: Publisher
  readonly indexes: number[]
  readonly outgoing: Outgoing[]
}

export interface ClusterPublisherSettings {
  /** Names this publisher among all of them. */
  readonly id: string
  readonly partitions: number
  readonly publishTimeoutMs: number
  readonly waitForReplicas: number
}

/** A publisher for each partition, because a batch is one script, and a script has one slot: what one node holds up, others don't wait for. */
export class ClusterPublisher {
  readonly #links: Links
  readonly #destinations: Destinations
  readonly #keys: KeySpace
  readonly #settings: ClusterPublisherSettings
  readonly #partitionFor: (message: WireMessage) => number
  readonly #publishers = new Map<string, Publisher>()

  constructor(links: Links, destinations: Destinations, keys: KeySpace, settings: ClusterPublisherSettings) {
    this.#links = links
    this.#destinations = destinations
    this.#keys = keys
    this.#settings = settings
    this.#partitionFor = placement(settings.partitions)
  }

  get published(): number {
    return [...this.#publishers.values()].reduce((sum, { published }) => sum + published, 0)
  }

  async publish(messages: readonly WireMessage[], signal: AbortSignal | undefined): Promise<void> {
    const parts = new Map<Publisher, Part>()
    encodeAll(messages).forEach((outgoing, index) => {
      const publisher = this.#publisherFor(outgoing.message)
      const part = parts.get(publisher)
      if (part === undefined) parts.set(publisher, { publisher, indexes: [index], outgoing: [outgoing] })
      else {
        part.indexes.push(index)
        part.outgoing.push(outgoing)
      }
    })
    const all = [...parts.values()]
    const results = await Promise.allSettled(all.map((part) => part.publisher.send(part.outgoing, signal)))
    const errors = results.map((result) => (result.status === 'rejected' ? toError(result.reason) : undefined))
    const first = errors.find((error) => error !== undefined)
    if (first === undefined) return
    if (all.length === 1) throw first
    const failed = all.flatMap(({ indexes }, at) => failedOf(errors[at], indexes)).sort((left, right) => left - right)
    const outcome = errors.some((error) => error instanceof PublishError && error.outcome === 'unknown') ? 'unknown' : 'failed'
    throw new PublishError(first.message, { cause: first, failed, outcome })
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#publishers.values()].map((publisher) => publisher.flush()))
  }

  #publisherFor(message: WireMessage): Publisher {
    const { destination } = message
    const index = this.#partitionFor(message)
    const keys = this.#keys.partition(destination, index)
    let publisher = this.#publishers.get(keys.events)
    if (publisher === undefined) {
      publisher = new Publisher(this.#links.at(keys.events), this.#destinations, {
        ...this.#settings,
        builder: new BatchBuilder(this.#keys, () => index),
        counter: this.#keys.partitionPublisher(destination, index, this.#settings.id),
        news: keys,
      })
      this.#publishers.set(keys.events, publisher)
    }
    return publisher
  }
}

/** Indexes of the whole call. */
function failedOf(error: Error | undefined, indexes: readonly number[]): readonly number[] {
  if (error === undefined) return []
  const failed = error instanceof PublishError ? error.failed : undefined
  return failed === undefined ? indexes : failed.map((index) => indexes[index] as number)
}
