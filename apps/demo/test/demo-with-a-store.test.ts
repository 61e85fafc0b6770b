import { type PrivatePostgres, type PrivateRedis, startPostgres, startRedis } from '@interline/testing'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { figuresOf, runDemo } from './demo-process.js'

const limitMs = 120_000

let redis: PrivateRedis
let postgres: PrivatePostgres

beforeAll(async () => {
  ;[redis, postgres] = await Promise.all([startRedis({ appendOnly: false }), startPostgres()])
}, limitMs)

afterAll(() => Promise.all([redis?.close(), postgres?.close()]))

const environment = (): Record<string, string> => ({ REDIS_URL: redis.url, POSTGRES_URL: postgres.url })

test.each([
  ['memory', 'memory'],
  ['memory', 'redis'],
  ['memory', 'postgres'],
  ['redis', 'postgres'],
])('on %s with the store %s everything adds up: what was appended is what is published', { timeout: limitMs }, async (broker, store) => {
  const result = await runDemo(['webhooks', '--broker', broker, '--store', store, '--json'], environment())
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(figuresOf(result)).toMatchObject({ published: 329, deadLettered: 1, redriven: 1, lost: 0, broker, store, problems: [] })
})

test('nothing is left behind on the servers', { timeout: limitMs }, async () => {
  const client = new Redis(redis.url)
  expect(await client.dbsize()).toBe(0)
  client.disconnect()
  const database = new pg.Client({ connectionString: postgres.url })
  await database.connect()
  const { rows } = await database.query(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'interline%'`)
  await database.end()
  expect(rows).toEqual([])
})

test('PostgreSQL without a server is one in the process', { timeout: limitMs }, async () => {
  const result = await runDemo(['--store', 'postgres', '--events', '60', '--json'], { POSTGRES_URL: '', DATABASE_URL: '' })
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(figuresOf(result)).toMatchObject({ published: 60, lost: 0, store: 'postgres', problems: [] })
})

test('a person is told what the store holds', { timeout: limitMs }, async () => {
  const { code, lines } = await runDemo(['webhooks', '--store', 'memory'])
  expect(code).toBe(0)
  expect(lines.join('\n')).toMatch(/✓ the store holds \d+ events, each once/)
})

test('a store that is not known is answered with one line', async () => {
  const { code, errors } = await runDemo(['--store', 'shoebox'])
  expect(code).toBe(2)
  expect(errors).toContain('"shoebox" is no store that is known here. Give one of memory, redis, postgres.')
})

test('a server that does not answer is said in one line', { timeout: limitMs }, async () => {
  const { code, errors } = await runDemo(['--store', 'postgres'], { POSTGRES_URL: 'postgresql://postgres@127.0.0.1:1/postgres' })
  expect(code).toBe(1)
  expect(errors.trimEnd().split('\n')).toHaveLength(1)
  expect(errors).toContain('127.0.0.1:1')
})
