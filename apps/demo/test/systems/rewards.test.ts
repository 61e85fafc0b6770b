import { findServer, type ServerName } from '@interline/testing'
import { expect, test } from 'vitest'
import { figuresOf, runDemo } from '../demo-process.js'

const limitMs = 90_000

const reportOf = (figures: Record<string, unknown>): unknown => (figures.systems as readonly unknown[])[0]

test('400 requests to wallets in this process add up', { timeout: limitMs }, async () => {
  const result = await runDemo(['rewards', '--json'], { POSTGRES_URL: '', DATABASE_URL: '' })
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(reportOf(figuresOf(result))).toMatchObject({
    name: 'rewards',
    figures: { requests: 400, committed: 300, refused: 50, 'sent twice': 50, 'given up': 0, events: 1_000, points: 50_000 },
    problems: [],
  })
})

const brokers: readonly { readonly name: ServerName; readonly variable: string }[] = [
  { name: 'redis', variable: 'REDIS_URL' },
  { name: 'rabbitmq', variable: 'RABBITMQ_URL' },
  { name: 'kafka', variable: 'KAFKA_BROKERS' },
]

test.for(brokers)(
  '1,000 requests at once to wallets on PostgreSQL, with $name, add up',
  { timeout: limitMs },
  async ({ name, variable }) => {
    const [postgres, broker] = await Promise.all([findServer('postgres'), findServer(name)])
    const result = await runDemo(['rewards', '--broker', name, '--store', 'postgres', '--json'], {
      POSTGRES_URL: postgres.url,
      [variable]: broker.url,
    })
    expect(result).toMatchObject({ code: 0, errors: '' })
    const report = reportOf(figuresOf(result)) as { readonly figures: Record<string, number> }
    expect(report).toMatchObject({ problems: [], figures: { refused: 125, points: 125_000 } })
    // all but those that lost against others four times, with what follows on them
    expect(report.figures.requests).toBeGreaterThan(900)
    expect(report.figures.committed).toBeGreaterThan(650)
  },
)
