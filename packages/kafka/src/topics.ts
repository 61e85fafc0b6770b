import { ConfigurationError, pause } from '@interline/core'
import type { Report } from './context.js'
import { isDriverError, type KafkaClient } from './drivers/driver.js'
import type { ResolvedOptions } from './kafka-options.js'

const appearLimitMs = 10_000
/** What records of our own have beyond the event: what became of it, and Kafka's frame. */
const ownRecordExtraBytes = 1_048_576

/** Sees to it that topics exist, and knows how many partitions they have. */
export class Topics {
  readonly #client: KafkaClient
  readonly #options: ResolvedOptions
  readonly #asked: number | undefined
  readonly #report: Report
  readonly #known = new Map<string, number>()
  readonly #making = new Map<string, Promise<number>>()

  constructor(client: KafkaClient, options: ResolvedOptions, asked: number | undefined, report: Report) {
    this.#client = client
    this.#options = options
    this.#asked = asked
    this.#report = report
  }

  knows(topic: string): boolean {
    return this.#known.has(topic)
  }

  forget(topic: string): void {
    this.#known.delete(topic)
  }

  /** The topic of a destination, made where it is missing. Answers its number of partitions. */
  ensure(topic: string): Promise<number> {
    return this.#once(topic, async () => {
      const count = await this.#found(topic, this.#options.partitions)
      if (this.#asked !== undefined && count !== this.#asked) {
        const detail = `Topic "${topic}" has ${count} partitions, and ${this.#asked} were asked for. Its own number is used: changing it would move keys to other partitions.`
        this.#report({ kind: 'warning', detail })
      }
      return count
    })
  }

  /** A topic of our own beside it, with so many partitions or more. */
  async ensureOwn(topic: string, partitions: number, settings: Readonly<Record<string, string>> = {}): Promise<number> {
    const own = { 'max.message.bytes': String(this.#options.maxMessageBytes + ownRecordExtraBytes), ...settings }
    const count = await this.#once(topic, () => this.#found(topic, partitions, own))
    return count >= partitions ? count : this.#extended(topic, count, partitions)
  }

  #once(topic: string, find: () => Promise<number>): Promise<number> {
    const known = this.#known.get(topic)
    if (known !== undefined) return Promise.resolve(known)
    let making = this.#making.get(topic)
    if (making === undefined) {
      making = find().finally(() => this.#making.delete(topic))
      this.#making.set(topic, making)
    }
    return making
  }

  async #found(topic: string, partitions: number, settings: Readonly<Record<string, string>> = {}): Promise<number> {
    let count = await this.#client.partitionCount(topic)
    if (count === undefined || count === 0) {
      if (!this.#options.provision) {
        throw new ConfigurationError(`Kafka has no topic "${topic}". Create it, or set provision: true.`)
      }
      await this.#make(topic, partitions, settings)
      count = await this.#appeared(topic)
    }
    this.#known.set(topic, count)
    return count
  }

  /** Where the destination's topic was given more partitions. */
  async #extended(topic: string, before: number, partitions: number): Promise<number> {
    const count = (await this.#client.partitionCount(topic)) ?? before
    if (count < partitions) {
      if (!this.#options.provision) {
        throw new ConfigurationError(
          `Topic "${topic}" needs ${partitions} partitions and has ${count}. Give it more, or set provision: true.`,
        )
      }
      await this.#extend(topic, partitions)
    }
    const appeared = await this.#appeared(topic, partitions)
    this.#known.set(topic, appeared)
    return appeared
  }

  async #extend(topic: string, partitions: number): Promise<void> {
    try {
      await this.#client.extendTopic(topic, partitions)
    } catch (error) {
      // another process may have been faster
      if (((await this.#client.partitionCount(topic)) ?? 0) < partitions) throw error
    }
  }

  async #make(name: string, partitions: number, settings: Readonly<Record<string, string>>): Promise<void> {
    try {
      await this.#client.createTopic({ name, partitions, replicationFactor: this.#options.replicationFactor, settings })
    } catch (error) {
      if (!isDriverError(error, 'topic-exists')) throw error
    }
  }

  /** Every partition has a leader. */
  async #appeared(topic: string, partitions = 1): Promise<number> {
    const began = performance.now()
    for (;;) {
      try {
        const count = await this.#client.partitionCount(topic)
        if (count !== undefined && count >= partitions) {
          await this.#client.offsets(topic, 'latest')
          return count
        }
      } catch (error) {
        if (performance.now() - began > appearLimitMs) throw error
      }
      if (performance.now() - began > appearLimitMs) throw new ConfigurationError(`Topic "${topic}" was made and did not appear.`)
      await pause(20)
    }
  }
}
