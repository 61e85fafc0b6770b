import { KafkaBroker, type KafkaOptions } from '@interline/kafka'
import {
  type KafkaCluster,
  type PrivateKafka,
  type PrivateServer,
  type RawClient,
  type RawMessage,
  startKafka,
  waitFor,
} from '@interline/testing'
import { type Admin, type ITopicConfig, Kafka, logLevel, Partitioners } from 'kafkajs'

/** The shared server of the tests. */
export const brokers: readonly string[] = (process.env.KAFKA_BROKERS || process.env.KAFKA_URL || '127.0.0.1:9092')
  .replace(/^kafka:\/\//, '')
  .split(',')

/** A module for worker processes, which run the compiled package. */
export const processModule = new URL('./worker-broker.mjs', import.meta.url)

/** Set before the tests by what the server allows; by default that is 6 s and more. */
export const sessionVariable = 'KAFKA_TEST_SESSION_MS'
export const sessionTimeoutMs: number = Number(process.env[sessionVariable] ?? 6_000)

const quick = { sessionTimeoutMs, heartbeatIntervalMs: 200, maxWaitTimeInMs: 100 } as const

export function brokerOf(namespace: string, options: KafkaOptions = {}): KafkaBroker {
  return new KafkaBroker({ brokers, prefix: `${namespace}.`, ...quick, ...options })
}

/** kafkajs as anybody would use it. */
export function plainKafka(addresses: readonly string[] = brokers): Kafka {
  return new Kafka({ brokers: [...addresses], clientId: 'plain', logLevel: logLevel.NOTHING, retry: { retries: 8, initialRetryTime: 50 } })
}

export async function withAdmin<T>(work: (admin: Admin) => Promise<T>, addresses: readonly string[] = brokers): Promise<T> {
  const admin = plainKafka(addresses).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** Makes topics as an operator would, and waits until every one of them can be used. */
export async function makeTopics(...topics: readonly ITopicConfig[]): Promise<void> {
  await withAdmin(async (admin) => {
    await admin.createTopics({ topics: [...topics], waitForLeaders: false })
    const isLed = async (): Promise<boolean> => {
      // a node that does not know them yet says so by an error
      const found = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) }).catch(() => undefined)
      return found?.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0)) === true
    }
    await waitFor(isLed, { what: 'the topics to be led' })
  })
}

/** Removes every topic and group of a namespace. */
export async function cleanUp(namespace: string, addresses: readonly string[] = brokers): Promise<void> {
  await withAdmin(async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${namespace}.`))
    if (topics.length > 0) await admin.deleteTopics({ topics })
    const { groups } = await admin.listGroups()
    const mine = groups.map(({ groupId }) => groupId).filter((group) => group.startsWith(`${namespace}.`))
    // a group that a killed process left ends by itself
    if (mine.length > 0) await admin.deleteGroups(mine).catch(() => undefined)
  }, addresses)
}

/** Records as the plain driver writes and reads them, by the header names of the standard. */
export function rawClient(addresses: readonly string[]): RawClient {
  return {
    async write(namespace, destination, { attributes, data }) {
      const producer = plainKafka(addresses).producer({ createPartitioner: Partitioners.DefaultPartitioner })
      await producer.connect()
      const headers = Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [name === 'datacontenttype' ? 'content-type' : `ce_${name}`, value]),
      )
      await producer.send({ topic: `${namespace}.${destination}`, messages: [{ value: Buffer.from(data as string), headers }] })
      await producer.disconnect()
    },
    async read(namespace, destination) {
      const topic = `${namespace}.${destination}`
      const count = await withAdmin(async (admin) => {
        const ends = await admin.fetchTopicOffsets(topic)
        return ends.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0)
      }, addresses)
      const consumer = plainKafka(addresses).consumer({ groupId: `${namespace}.reader-${Math.random()}`, maxWaitTimeInMs: 50 })
      const found: RawMessage[] = []
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      await new Promise<void>((resolve) => {
        if (count === 0) resolve()
        void consumer.run({
          eachMessage: async ({ message }) => {
            const entries = Object.entries(message.headers ?? {}).map(([name, value]) => [
              name === 'content-type' ? 'datacontenttype' : name.replace(/^ce_/, ''),
              String(value),
            ])
            found.push({ attributes: Object.fromEntries(entries), data: message.value ?? '' })
            if (found.length === count) resolve()
          },
        })
      })
      await consumer.disconnect()
      return found
    },
  }
}

export const raw: RawClient = rawClient(brokers)

/** A server of the test's own, which asks for a login. */
export async function privateServer(more: KafkaOptions = {}): Promise<PrivateServer> {
  return serverOf(await startKafka({ login }), more)
}

export const login = { username: 'interline', password: 'correct-horse' } as const

/** One node or several, which ask for that login. */
export function serverOf(server: PrivateKafka | KafkaCluster, more: KafkaOptions): PrivateServer {
  const options = { brokers: server.brokers, connectTimeoutMs: 1_000, ...quick, ...more }
  const sasl = { mechanism: 'plain', ...login }
  return {
    create: (namespace) => new KafkaBroker({ ...options, sasl, prefix: `${namespace}.` }),
    createWrong: (fault, namespace) => {
      const secret = `wrong-battery-${namespace}`
      const wrong = fault === 'password' ? { sasl: { ...sasl, password: secret } } : { sasl, brokers: ['127.0.0.1:1'] }
      return {
        broker: new KafkaBroker({ ...options, ...wrong, prefix: `${namespace}.` }),
        secrets: [fault === 'password' ? secret : login.password],
      }
    },
    kill: () => server.kill(),
    start: () => server.start(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}
