import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import type { BrokerChoice, KafkaChoice, RedisChoice } from '../bus.js'

const scanSize = 1_000

/** What a run keeps in Redis or Kafka, under a prefix of its own: removed when the run is over. */
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
    if (!this.#mayExist) return
    try {
      if (this.#choice.type === 'redis') await removeKeys(this.#choice.redis)
      if (this.#choice.type === 'kafka') await removeTopics(this.#choice.kafka)
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : thrown
      this.#say(`What the run keeps in ${this.#choice.type} could not be removed: ${why}`)
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

async function removeTopics({ brokers, prefix }: KafkaChoice['kafka']): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
    if (topics.length > 0) await admin.deleteTopics({ topics })
    const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((group) => group.startsWith(prefix))
    if (groups.length > 0) await admin.deleteGroups(groups)
  } finally {
    await admin.disconnect()
  }
}
