import { KafkaBroker, type KafkaOptions } from '@interline/kafka'
import { type PrivateServer, type RawClient, type RawMessage, startKafka } from '@interline/testing'
import { type Admin, Kafka, logLevel, Partitioners } from 'kafkajs'

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

export async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = plainKafka().admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** Removes every topic and group of a namespace. */
export async function cleanUp(namespace: string): Promise<void> {
  await withAdmin(async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${namespace}.`))
    if (topics.length > 0) await admin.deleteTopics({ topics })
    const { groups } = await admin.listGroups()
    const mine = groups.map(({ groupId }) => groupId).filter((group) => group.startsWith(`${namespace}.`))
    // a group that a killed process left ends by itself
    if (mine.length > 0) await admin.deleteGroups(mine).catch(() => undefined)
  })
}

/** Records as the plain driver writes and reads them, by the header names of the standard. */
export const raw: RawClient = {
  async write(namespace, destination, { attributes, data }) {
    const producer = plainKafka().producer({ createPartitioner: Partitioners.DefaultPartitioner })
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
    })
    const consumer = plainKafka().consumer({ groupId: `${namespace}.reader-${Math.random()}`, maxWaitTimeInMs: 50 })
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

/** A server of the test's own, which asks for a login. */
export async function privateServer(): Promise<PrivateServer> {
  const login = { username: 'interline', password: 'correct-horse' }
  const server = await startKafka({ login })
  const options = { brokers: server.brokers, connectTimeoutMs: 1_000, ...quick }
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
