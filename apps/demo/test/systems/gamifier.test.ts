import {
  findServer,
  type PrivateKafka,
  type PrivatePostgres,
  type PrivateRedis,
  startKafka,
  startPostgres,
  startRedis,
} from '@interline/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { settingsFrom } from '../../src/systems/gamifier/settings.js'
import { figuresOf, runDemo } from '../demo-process.js'

const limitMs = 60_000
const password = 'only-for-this-test'

interface Figures {
  readonly systems: readonly { readonly figures: Readonly<Record<string, number | string>> }[]
  readonly problems: readonly string[]
}

/** Plays to the end, and answers the figures. */
async function played(
  options: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Figures['systems'][number]['figures']> {
  const result = await runDemo(['gamifier', ...options, '--json'], environment)
  expect(result).toMatchObject({ code: 0, errors: '' })
  const { systems, problems } = figuresOf(result) as unknown as Figures
  expect(problems).toEqual([])
  return systems[0]!.figures
}

const asEverywhere = {
  deeds: 325,
  published: 353,
  players: 12,
  'their events': 374,
  leader: 'Codertocat with 917 points, level 10 and 4 badges',
}

test('without any server the game adds up', { timeout: limitMs }, async () => {
  expect(await played()).toMatchObject({ ...asEverywhere, notices: '32 of 32 seen over memory' })
})

describe('on servers', () => {
  let redis: PrivateRedis
  let postgres: PrivatePostgres
  let kafka: PrivateKafka

  beforeAll(async () => {
    ;[redis, postgres, kafka] = await Promise.all([startRedis({ appendOnly: false, requirePass: password }), startPostgres(), startKafka()])
  }, limitMs)

  afterAll(() => Promise.all([redis?.close(), postgres?.close(), kafka?.close()]))

  const redisUrl = (): string => `redis://:${password}@127.0.0.1:${redis.port}`

  async function keysLeft(): Promise<number> {
    const client = new Redis(redisUrl())
    const sizes = await client.info('keyspace')
    client.disconnect()
    return sizes.split('\n').filter((line) => line.startsWith('db')).length
  }

  test('Redis carries and keeps it, and nothing is left there', { timeout: limitMs }, async () => {
    expect(await played(['--broker', 'redis', '--store', 'redis'], { REDIS_URL: redisUrl() })).toMatchObject(asEverywhere)
    expect(await keysLeft()).toBe(0)
  })

  test("RabbitMQ and Redis side by side, where the document's variables say that they are", { timeout: limitMs }, async () => {
    const { hostname, port } = new URL((await findServer('rabbitmq')).url)
    const environment = {
      REDIS_URL: 'redis://127.0.0.1:1',
      REDIS_EVENT_STORE_HOST: '127.0.0.1',
      REDIS_EVENT_STORE_PORT: String(redis.port),
      REDIS_EVENT_STORE_PASSWORD: password,
      REDIS_EVENT_STORE_DB: '1',
      RABBITMQ_HOST: hostname,
      RABBITMQ_PORT: port === '' ? '5672' : port,
      RABBITMQ_USERNAME: 'guest',
      RABBITMQ_PASSWORD: 'guest',
      RABBITMQ_VHOST: '/',
      EVENT_RETRY_MAX_ATTEMPTS: '2',
      EVENT_RETRY_DELAY: '5',
      EVENT_DEAD_LETTER_ENABLED: 'true',
      EVENT_TRACKING_ENABLED: 'true',
    }
    const { code, lines } = await runDemo(['gamifier', '--broker', 'rabbitmq', '--store', 'redis'], environment)
    expect(lines.join('\n')).toContain(
      '✓ the activity that nobody can judge died to an exchange of RabbitMQ in attempt 2, and was redriven',
    )
    expect(lines.join('\n')).toContain('seen over redis-pubsub')
    expect(code).toBe(0)
    expect(await keysLeft()).toBe(0)
  })

  test('Kafka carries it', { timeout: limitMs }, async () => {
    expect(await played(['--broker', 'kafka'], { KAFKA_BROKERS: kafka.brokers.join(',') })).toMatchObject(asEverywhere)
  })

  test('PostgreSQL keeps it', { timeout: limitMs }, async () => {
    expect(await played(['--store', 'postgres'], { POSTGRES_URL: postgres.url })).toMatchObject(asEverywhere)
  })
})

describe('the variables of the document', () => {
  test('without dead letters and tracking, the activity that nobody can handle is told and gone', { timeout: limitMs }, async () => {
    const environment = { EVENT_DEAD_LETTER_ENABLED: 'false', EVENT_TRACKING_ENABLED: 'false', EVENT_RETRY_MAX_ATTEMPTS: '1' }
    const { code, errors, lines } = await runDemo(['gamifier'], environment)
    expect(errors).toMatch(/^Event Activity .* was given up by "ActivityHandler" and is not kept\./)
    expect(lines.join('\n')).toContain('their events 371')
    expect(lines.join('\n')).toContain('✓ the activity that nobody can judge is kept nowhere, as was asked for')
    expect(lines.join('\n')).not.toContain('Prometheus')
    expect(code).toBe(0)
  })

  test('one that makes no sense is refused by its name, before anything is begun', { timeout: limitMs }, async () => {
    const { code, errors } = await runDemo(['gamifier', '--json'], { EVENT_RETRY_MAX_ATTEMPTS: 'many' })
    expect(code).toBe(1)
    expect(errors).toContain('EVENT_RETRY_MAX_ATTEMPTS: "many"')
  })

  test('are read as they are in production, and have defaults', () => {
    const production = {
      EVENT_RETRY_MAX_ATTEMPTS: '5',
      EVENT_RETRY_DELAY: '2000',
      EVENT_DEAD_LETTER_ENABLED: 'true',
      EVENT_TRACKING_ENABLED: 'true',
    }
    expect(settingsFrom(production)).toEqual({
      retry: { maxAttempts: 5, backoff: { type: 'exponential', delay: 2_000, maxDelay: undefined } },
      deadLetters: true,
      tracking: true,
    })
    expect(settingsFrom({})).toMatchObject({ retry: { maxAttempts: 3 }, deadLetters: true, tracking: true })
    expect(() => settingsFrom({ EVENT_TRACKING_ENABLED: 'perhaps' })).toThrow('EVENT_TRACKING_ENABLED')
  })
})
