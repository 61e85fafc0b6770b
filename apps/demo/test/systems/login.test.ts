import { type FoundServer, findServer } from '@interline/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { figuresOf, runDemo } from '../demo-process.js'

const limitMs = 90_000

let kafka: FoundServer
beforeAll(async () => {
  kafka = await findServer('kafka')
}, limitMs)
afterAll(() => kafka?.close?.())

const figures = { accounts: 200, 'logged in': 410, failed: 485, locked: 31, suspicious: 30 }
const asPlanned = { systems: [{ name: 'login', figures, problems: [] }], problems: [] }

test(
  'a day of logins adds up in one process, and a person reads why',
  async () => {
    const { code, lines, errors } = await runDemo(['login'])
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    const text = lines.join('\n')
    for (const part of ['accounts 200, logged in 410', '✓ AccountLocked: 31 accounts', '✓ every event is audited once'])
      expect(text).toContain(part)
    expect(text).not.toContain('✗')
  },
  limitMs,
)

test.each(['redis', 'rabbitmq'] as const)('the same day adds up on %s', { timeout: limitMs }, async (broker) => {
  const { url } = await findServer(broker)
  const result = await runDemo(['login', '--broker', broker, '--json'], { REDIS_URL: url, RABBITMQ_URL: url })
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(figuresOf(result)).toMatchObject(asPlanned)
})

test('the same day adds up on Kafka, with its events in PostgreSQL', { timeout: limitMs }, async () => {
  const postgres = await findServer('postgres')
  const environment = { KAFKA_BROKERS: kafka.url, POSTGRES_URL: postgres.url }
  const result = await runDemo(['login', '--broker', 'kafka', '--store', 'postgres', '--json'], environment)
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(figuresOf(result)).toMatchObject(asPlanned)
})
