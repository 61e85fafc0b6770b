import { randomUUID } from 'node:crypto'
import { EventBus, type EventBusOptions } from '@interline/core'
import { RedisBroker } from '@interline/redis'
import { Redis } from 'ioredis'

/** The server of a run, and what the run has put there. */
export class Server implements AsyncDisposable {
  readonly url: string
  readonly #prefix = `bench-${randomUUID()}`
  readonly #raw: Redis[] = []
  readonly #buses: EventBus[] = []

  constructor(url: string = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379') {
    this.url = url
  }

  /** A key of this run. */
  key(name: string): string {
    return `${this.#prefix}:${name}`
  }

  async raw(): Promise<Redis> {
    const client = new Redis(this.url, { lazyConnect: true, maxRetriesPerRequest: 1, retryStrategy: null })
    this.#raw.push(client)
    await client.connect()
    return client
  }

  /** A bus whose keys are its own. */
  bus(name: string, options: Omit<EventBusOptions, 'broker'> = {}): EventBus {
    const bus = new EventBus({ service: 'bench', ...options, broker: new RedisBroker({ url: this.url, prefix: this.key(name) }) })
    this.#buses.push(bus)
    return bus
  }

  /** Removes everything of one name. */
  async clear(client: Redis, name: string): Promise<void> {
    for await (const keys of client.scanStream({ match: `*${this.key(name)}*`, count: 10_000 })) {
      if ((keys as string[]).length > 0) await client.unlink(keys as string[])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#buses.map((bus) => bus.close()))
    const cleaner = this.#raw[0] ?? (await this.raw())
    await this.clear(cleaner, '')
    for (const client of this.#raw) client.disconnect()
  }
}
