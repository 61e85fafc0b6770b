import { EventBus } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { PostgresInbox, pgDatabase } from '@interline/postgres'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { OrderCreated } from '../outbox/orders.js'
import { newSchema } from '../outbox/outboxes.js'
import { cleanUp, url } from '../postgres-server.js'

const schema = newSchema()
const pool = new pg.Pool({ connectionString: url, max: 4 })
afterAll(async () => {
  await pool.end()
  await cleanUp(schema)
})

test('what was handled long ago is forgotten, and only that', async () => {
  const inbox = new PostgresInbox(pgDatabase(pool), { schema, table: 'aged', keepMs: 60_000 })
  for (const orderId of ['old', 'new']) await inbox.handle(OrderCreated({ orderId }), 'mails', () => undefined)
  await pool.query(
    `INSERT INTO "${schema}".aged (consumer, key, handled_at) SELECT 'mails', n::text, now() - interval '1 hour' FROM generate_series(1, 12000) n`,
  )
  expect(await inbox.size()).toBe(12_002)
  expect(await inbox.cleanUp()).toBe(12_000)
  expect(await inbox.size()).toBe(2)
})

test('an event without an id, and an inbox that is none, are refused', async () => {
  const inbox = new PostgresInbox(pgDatabase(pool), { schema })
  await expect((async () => inbox.handle({ data: 1 } as never, 'mails', () => undefined))()).rejects.toThrow(/an event with an id/)
  await using bus = new EventBus({ broker: new MemoryBroker() })
  await expect(bus.subscribe(OrderCreated, () => undefined, { name: 'x', inbox: {} as never })).rejects.toThrow(
    /inbox must be the database/,
  )
  expect(() => new PostgresInbox({} as never)).toThrow(/needs the database/)
  expect(() => new PostgresInbox(pgDatabase(pool), { tabel: 'x' } as never)).toThrow(/Unknown option inbox.tabel/)
})

test('a handler that runs out of time is rolled back, and its next attempt does the work', async () => {
  const inbox = new PostgresInbox(pgDatabase(pool), { schema, table: 'timed' })
  await inbox.connect()
  await pool.query(`CREATE TABLE "${schema}".timed_effects (attempt int)`)
  await using bus = new EventBus({ broker: new MemoryBroker(), dedup: false })
  await bus.subscribe(
    OrderCreated,
    async (_event, { tx, attempt, signal }) => {
      await tx.query(`INSERT INTO "${schema}".timed_effects VALUES ($1)`, [attempt])
      if (attempt === 1) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
    { name: 'slow', inbox, failure: { timeoutMs: 100, retry: { maxAttempts: 3, backoff: { delayMs: 1 } } } },
  )
  await bus.start()
  await bus.publish(OrderCreated({ orderId: 'x' }))
  await bus.idle()
  expect((await pool.query(`SELECT attempt FROM "${schema}".timed_effects`)).rows).toEqual([{ attempt: 2 }])
})
