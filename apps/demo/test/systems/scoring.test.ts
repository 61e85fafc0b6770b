import { type PrivateKafka, type PrivatePostgres, type PrivateRedis, startKafka, startPostgres, startRedis } from '@interline/testing'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { figuresOf, runDemo } from '../demo-process.js'

const limitMs = 60_000
const whole = { completed: 35, compensated: 6, imported: 17, 'price updates': 1_260, alerts: 9, 'dead letters': 2 }

let kafka: PrivateKafka
let redis: PrivateRedis
let postgres: PrivatePostgres

beforeAll(async () => {
  ;[redis, postgres, kafka] = await Promise.all([startRedis({ appendOnly: false }), startPostgres(), startKafka()])
}, limitMs)

afterAll(() => Promise.all([redis?.close(), postgres?.close(), kafka?.close()]))

test('it adds up with nothing but this process', { timeout: limitMs }, async () => {
  const result = await runDemo(['scoring', '--json'], { POSTGRES_URL: '', DATABASE_URL: '' })
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(figuresOf(result)).toMatchObject({ systems: [{ name: 'scoring', figures: whole }], problems: [] })
})

test.each([
  ['redis', 'redis'],
  ['rabbitmq', 'postgres'],
  ['kafka', 'postgres'],
])('on %s with the store %s it comes to the same', { timeout: limitMs }, async (broker, store) => {
  const places = { REDIS_URL: redis.url, POSTGRES_URL: postgres.url, KAFKA_BROKERS: kafka.brokers.join(',') }
  const result = await runDemo(['scoring', '--broker', broker, '--store', store, '--json'], places)
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(figuresOf(result)).toMatchObject({ systems: [{ figures: whole }], problems: [] })
})

test('the variables of the document decide where events are kept, how often they are tried, and what is watched', {
  timeout: limitMs,
}, async () => {
  const result = await runDemo(['scoring'], {
    EVENT_STORE_CONNECTION_URL: postgres.url,
    EVENT_STORE_MAX_CONNECTIONS: '3',
    EVENT_BUS_MAX_RETRIES: '1',
    EVENT_MONITORING_ENABLED: 'false',
    SNAPSHOT_INTERVAL_VERSIONS: '400',
    SNAPSHOT_RETENTION_DAYS: '7',
  })
  const told = result.lines.join('\n')
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(told).toContain('each tried 2 times')
  expect(told).toContain('monitoring is off')
  expect(told).not.toContain('✗')
})

test('dead letters that are not kept are told, and the rest adds up', { timeout: limitMs }, async () => {
  const result = await runDemo(['scoring', '--json'], {
    EVENT_STORE_CONNECTION_URL: postgres.url,
    EVENT_BUS_DEAD_LETTER_ENABLED: 'false',
  })
  expect(result.code).toBe(0)
  expect(result.errors).toContain('There is no address of edsger.')
  expect(figuresOf(result)).toMatchObject({ systems: [{ figures: { ...whole, 'dead letters': 0 } }], problems: [] })
})

test('a variable that can not be meant is refused by its name', { timeout: limitMs }, async () => {
  const { code, errors } = await runDemo(['scoring', '--json'], { SNAPSHOT_INTERVAL_VERSIONS: 'often' })
  expect(code).toBe(1)
  expect(errors).toContain('SNAPSHOT_INTERVAL_VERSIONS is "often"; give a whole number from 1.')
})

test('nothing is left behind on the servers', { timeout: limitMs }, async () => {
  const cache = new Redis(redis.url)
  expect(await cache.dbsize()).toBe(0)
  cache.disconnect()
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  const { rows } = await client.query(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'interline%'`)
  await client.end()
  expect(rows).toEqual([])
})
