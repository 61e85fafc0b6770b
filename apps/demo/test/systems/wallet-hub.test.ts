import { randomUUID } from 'node:crypto'
import {
  type PrivateKafka,
  type PrivatePostgres,
  type PrivateRedis,
  startKafka,
  startPostgres,
  startRedis,
  waitFor,
  within,
} from '@interline/testing'
import { type CloudEvent, Kafka as KafkaBinding } from 'cloudevents'
import { Redis } from 'ioredis'
import { Kafka, type KafkaMessage, logLevel } from 'kafkajs'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DemoProcess, type DemoResult, figuresOf, runDemo } from '../demo-process.js'
import { HubRoom } from './hub-room.js'

const limitMs = 150_000
const name = 'wallet-hub'

let redis: PrivateRedis
let postgres: PrivatePostgres
let kafka: PrivateKafka

beforeAll(async () => {
  ;[redis, postgres, kafka] = await Promise.all([startRedis({ appendOnly: false }), startPostgres(), startKafka()])
}, limitMs)

afterAll(() => Promise.all([redis?.close(), postgres?.close(), kafka?.close()]))

const environment = (): Record<string, string> => ({
  REDIS_URL: redis.url,
  POSTGRES_URL: postgres.url,
  KAFKA_BROKERS: kafka.brokers.join(','),
})

/** Of 151 and 331 transfers that are asked for, one in ten is refused, and one in eight asked for twice. */
const days = {
  embedded: { transfers: 136, 'rolled back': 15, 'asked for twice': 19, 'sent again': 40, 'dead letters': 1, alerts: 4 },
  server: { transfers: 298, 'rolled back': 33, 'asked for twice': 42, 'sent again': 40, 'dead letters': 1, alerts: 4 },
} as const

function expectWell(result: DemoResult, day: keyof typeof days): void {
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(figuresOf(result)).toMatchObject({ systems: [{ name, figures: days[day] }], problems: [] })
}

test('without any server the day adds up, in one process', { timeout: limitMs }, async () => {
  const result = await runDemo([name, '--json'], { POSTGRES_URL: '', DATABASE_URL: '' })
  expectWell(result, 'embedded')
  expect(result.lines.filter((line) => line.includes('pid'))).toEqual([])
})

test('on Kafka and PostgreSQL it adds up over three processes', { timeout: limitMs }, async () => {
  const result = await runDemo([name, '--broker', 'kafka', '--store', 'postgres', '--json'], environment())
  expectWell(result, 'server')
  expect(result.lines.filter((line) => /^(worker|consumers): pid \d+$/.test(line))).toHaveLength(2)
})

test('what is on Kafka is read by the CloudEvents SDK, with the trace that began in the use case', { timeout: limitMs }, async () => {
  const prefix = `test-${randomUUID()}.`
  await using room = await HubRoom.open({ type: 'kafka', kafka: { brokers: kafka.brokers, prefix } })
  await room.hub.start()
  await room.worker.start()
  await room.hub.createWallet.execute('w-1', 'Savings', 'u-1')
  await waitFor(async () => (await room.hub.waiting()) === 0, { what: 'the event to be sent', limitMs: 30_000 })

  const consumer = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).consumer({ groupId: `${prefix}plain` })
  await consumer.connect()
  await consumer.subscribe({ topic: `${prefix}wallet-created-events`, fromBeginning: true })
  const first = new Promise<KafkaMessage>((resolve) => void consumer.run({ eachMessage: async ({ message }) => resolve(message) }))
  const { key, value, headers = {} } = await within(first, 30_000, 'the message')
  await consumer.disconnect()

  const texts = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)]))
  const event = KafkaBinding.toEvent({ key, value: String(value), headers: texts } as never) as CloudEvent<unknown>
  expect(event).toMatchObject({ specversion: '1.0', type: 'WalletCreatedEvent', source: 'wallet-hub', datacontenttype: 'application/json' })
  expect(event.validate()).toBe(true)
  expect(event.data).toEqual({ walletId: 'w-1', name: 'Savings', userId: 'u-1' })
  expect(String(key)).toBe('w-1')
  const [traceId] = room.hub.monitoring.traceIds('create wallet-created-events')
  expect(event.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
})

test('consumers and relay that are killed in the middle lose nothing, and nothing is there twice', { timeout: limitMs }, async () => {
  await using database = await connected(postgres.url)
  const demo = new DemoProcess([name, '--broker', 'redis', '--store', 'postgres', '--json'], environment())
  const stated = async (): Promise<number> => {
    const { rows } = await database.query(`SELECT schemaname FROM pg_tables WHERE tablename = 'statements'`)
    const [schema] = rows as { schemaname: string }[]
    if (schema === undefined) return 0
    // it may be dropped meanwhile, which the demo's own figures tell
    return (await database.query(`SELECT count(*)::int AS count FROM "${schema.schemaname}".statements`)).rows[0].count
  }
  const begun = waitFor(async () => (await stated()) > 60, {
    limitMs: 60_000,
    what: 'the consumers to be at it',
    progress: () => demo.lines.length,
  })
  await Promise.race([begun, demo.ended])
  for (const role of ['consumers', 'worker']) process.kill(pidOf(demo, role), 'SIGKILL')
  const before = await stated()
  const result = await demo.ended
  expectWell(result, 'server')
  for (const role of ['consumers', 'worker']) {
    expect(result.lines.some((line) => new RegExp(`^${role} \\(pid \\d+\\) died of SIGKILL\\.$`).test(line))).toBe(true)
  }
  // in the middle it was: of twenty deposits and some two hundred transfers, each with two lines
  expect(before).toBeLessThan(400)
})

test('nothing is left behind on the servers', { timeout: limitMs }, async () => {
  const client = new Redis(redis.url)
  expect(await client.dbsize()).toBe(0)
  client.disconnect()
  await using database = await connected(postgres.url)
  const { rows } = await database.query(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'interline%'`)
  expect(rows).toEqual([])
})

test('a database that does not answer is said in one line, and the run ends', { timeout: limitMs }, async () => {
  const result = await runDemo([name, '--store', 'postgres', '--json'], { POSTGRES_URL: 'postgresql://postgres@127.0.0.1:1/postgres' })
  expect(result.code).toBe(1)
  expect(JSON.stringify(figuresOf(result).problems)).toContain('127.0.0.1:1')
})

function pidOf({ lines }: DemoProcess, role: string): number {
  const [pid] = lines.flatMap((line) => new RegExp(`^${role}: pid (\\d+)$`).exec(line)?.slice(1) ?? [])
  return Number(pid)
}

async function connected(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}
