import { toError } from '@interline/core'
import type { BrokerContext } from './context.js'
import type { Partition } from './partition.js'
import { QueueReader } from './queue-reader.js'

const lookIntervalMs = 500

/**
 * Shares the partitions of a group among its consumers. The server leaves a queue with its first consumer for ever, so each counts the
 * members, who all sit at one queue that never holds a message, and gives away what it owns beyond its share. Whoever waits longest gets it.
 */
export class Members {
  readonly #context: BrokerContext
  readonly #queue: string
  readonly #partitions: readonly Partition[]
  readonly #reader: QueueReader
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(context: BrokerContext, queue: string, partitions: readonly Partition[]) {
    this.#context = context
    this.#queue = queue
    this.#partitions = partitions
    this.#reader = new QueueReader(context, {
      prefetch: 1,
      prepare: async () => queue,
      arrived: () => undefined,
      lost: () => undefined,
    })
  }

  async start(): Promise<void> {
    await this.#reader.start()
    this.#later()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async close(): Promise<void> {
    this.stop()
    await this.#reader.close()
  }

  #later(): void {
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#look(), lookIntervalMs * (0.75 + Math.random() / 2))
  }

  async #look(): Promise<void> {
    const channel = this.#reader.epoch?.channel
    try {
      if (channel !== undefined) this.#share((await channel.checkQueue(this.#queue)).consumerCount)
    } catch (thrown) {
      // the channel went, and comes again by itself
      if (this.#context.consuming.model !== undefined && this.#reader.epoch?.channel === channel) {
        this.#context.report({ kind: 'warning', detail: 'The members of a group could not be counted.', error: toError(thrown) })
      }
    }
    this.#later()
  }

  #share(members: number): void {
    if (this.#stopped || members === 0) return
    const own = this.#partitions.filter(({ active }) => active)
    const kept = own.filter(({ leaving }) => !leaving)
    const surplus = kept.length - Math.ceil(this.#partitions.length / members)
    if (surplus <= 0) return
    const quietest = kept.sort((left, right) => left.inHand - right.inHand)
    for (const partition of quietest.slice(0, surplus)) partition.leave()
  }
}
