import type { Report } from '../connections.js'
import { Subscriber } from '../pubsub/subscriber.js'
import type { ResolvedConnection } from '../redis-options.js'

/**
 * Tells waiting readers that a partition has something new. One connection cannot block on several slots, so a reader leaves a mark where
 * it found nothing, and whoever adds something next takes the mark away and tells of it. What is told while the connection is away is
 * found by looking again.
 */
export class News {
  readonly #subscriber: Subscriber
  readonly #readers = new Map<string, Set<() => void>>()

  constructor(options: ResolvedConnection, report: Report) {
    this.#subscriber = new Subscriber(options, report, {
      message: (channel) => this.#tell(channel),
      gap: () => {
        for (const channel of this.#readers.keys()) this.#tell(channel)
      },
    })
  }

  /** Calls `heard` for news of these channels, until the function that it gives is called. */
  async listen(channels: readonly string[], heard: () => void): Promise<() => Promise<void>> {
    for (const channel of channels) {
      const readers = this.#readers.get(channel)
      if (readers === undefined) this.#readers.set(channel, new Set([heard]))
      else readers.add(heard)
    }
    const wanted = channels.map((name) => ({ name, isPattern: false, covers: (channel: string) => channel === name }))
    const end = (): void => {
      for (const channel of channels) {
        const readers = this.#readers.get(channel)
        readers?.delete(heard)
        if (readers?.size === 0) this.#readers.delete(channel)
      }
    }
    try {
      await this.#subscriber.add(wanted)
    } catch (error) {
      end()
      throw error
    }
    return async () => {
      end()
      await this.#subscriber.remove(wanted)
    }
  }

  close(): Promise<void> {
    return this.#subscriber.close()
  }

  #tell(channel: string): void {
    for (const heard of this.#readers.get(channel) ?? []) heard()
  }
}
