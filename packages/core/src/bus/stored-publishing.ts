import { PublishError, toError } from '../errors.js'
import type { IEventStore } from '../ports/event-store.js'
import type { WireMessage } from '../ports/message.js'
import { type Forwarder, storable } from './forwarder.js'

/** Where events are accepted by something else than the broker, which is fed from there. */
export interface AcceptedFirst {
  /** In order. `forward: false` keeps them without handing them to the broker. Rejects with PublishError naming those that were not taken. */
  append(messages: readonly WireMessage[], forward: boolean, signal: AbortSignal | undefined): Promise<void>
  /** Resolves when what was appended here before has been published. */
  forwarded(): Promise<void>
}

/** Publishing where a store is configured: an event is accepted when it is appended, and the forwarder does the rest. */
export class StoredPublishing implements AcceptedFirst {
  readonly #store: IEventStore
  readonly #forwarder: Forwarder

  constructor(store: IEventStore, forwarder: Forwarder) {
    this.#store = store
    this.#forwarder = forwarder
  }

  async append(messages: readonly WireMessage[], forward: boolean, signal: AbortSignal | undefined): Promise<void> {
    for (const [stream, entries] of byStream(messages)) {
      try {
        await this.#store.append(
          stream,
          entries.map(({ message }) => storable(message)),
          { expectedVersion: 'any', forward, signal },
        )
      } catch (thrown) {
        const error = toError(thrown)
        const first = entries[0]?.index ?? 0
        const failed = messages.map((_, index) => index).filter((index) => index >= first)
        throw new PublishError(`The ${this.#store.name} store did not take the event for stream "${stream}": ${error.message}`, {
          cause: error,
          failed,
        })
      }
    }
    if (forward) this.#forwarder.wake()
  }

  forwarded(): Promise<void> {
    return this.#forwarder.passed()
  }
}

/** Consecutive messages of one stream together, so that the order of all is kept. */
function byStream(messages: readonly WireMessage[]): readonly (readonly [string, { message: WireMessage; index: number }[]])[] {
  const groups: (readonly [string, { message: WireMessage; index: number }[]])[] = []
  messages.forEach((message, index) => {
    const stream = streamOf(message)
    const last = groups.at(-1)
    if (last?.[0] === stream) last[1].push({ message, index })
    else groups.push([stream, [{ message, index }]])
  })
  return groups
}

/** The stream that an event belongs to: its aggregate's, else its key's, else its topic's. */
export function streamOf({ attributes, key, topic }: WireMessage): string {
  const { aggregatetype, aggregateid } = attributes
  if (aggregateid !== undefined) return aggregatetype === undefined ? aggregateid : `${aggregatetype}:${aggregateid}`
  return key ?? topic
}
