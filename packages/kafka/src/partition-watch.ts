import { toError } from '@interline/core'
import type { KafkaClient } from './drivers/driver.js'

/** Looks now and then whether a topic has got more partitions, which Kafka tells nobody. */
export class PartitionWatch {
  readonly #client: KafkaClient
  readonly #topic: string
  readonly #everyMs: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #stopped = false

  constructor(client: KafkaClient, topic: string, everyMs: number) {
    this.#client = client
    this.#topic = topic
    this.#everyMs = everyMs
  }

  /** Tells every count; a look that fails is tried again at the next time. */
  start(seen: (count: number) => Promise<void> | void, failed: (error: Error) => void): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      void (async () => {
        try {
          const count = await this.#client.partitionCount(this.#topic)
          if (count !== undefined && !this.#stopped) await seen(count)
        } catch (error) {
          if (!this.#stopped) failed(toError(error))
        }
        this.start(seen, failed)
      })()
    }, this.#everyMs)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }
}
