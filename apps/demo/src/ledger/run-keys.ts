import { Redis } from 'ioredis'
import type { BrokerChoice, RedisChoice } from '../bus.js'

const scanSize = 1_000

/** What a run keeps in Redis, under a prefix of its own: removed when the run is over. */
export class RunKeys implements AsyncDisposable {
  readonly #choice: BrokerChoice
  readonly #say: (text: string) => void
  #mayExist = false

  constructor(choice: BrokerChoice, say: (text: string) => void) {
    this.#choice = choice
    this.#say = say
  }

  /** Before this nothing was written, and maybe no server was found. */
  mayExist(): void {
    this.#mayExist = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#mayExist || this.#choice.type !== 'redis') return
    const { prefix } = this.#choice.redis
    try {
      await removeKeys(this.#choice.redis)
    } catch (thrown) {
      this.#say(`The keys that begin with ${prefix} could not be removed: ${thrown instanceof Error ? thrown.message : thrown}`)
    }
  }
}

async function removeKeys({ url, prefix }: RedisChoice['redis']): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null })
  // every failure also rejects the command that met it
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    for await (const keys of redis.scanStream({ match: `*${prefix}*`, count: scanSize }) as AsyncIterable<string[]>) {
      if (keys.length > 0) await redis.unlink(...keys)
    }
  } finally {
    redis.disconnect()
  }
}
