import { PostgresEventStore } from '@interline/postgres'
import { waitFor } from '@interline/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { all, message, messages, testStore } from './event-store/stores.js'

test('the tables are readable by anybody who knows SQL', async () => {
  await using room = testStore({ table: 'events' })
  const attributes = { correlationid: 'c-1', tenantid: 't-1', aggregatetype: 'order' }
  await room.store.append('order:1', [message({ total: 5 }, attributes)])
  expect(
    await room.sql(`SELECT position::int, stream, version::int, type, correlation_id, tenant_id, aggregate_type, data::jsonb -> 'total' AS total
      FROM "${room.schema}".events`),
  ).toEqual([
    {
      position: 1,
      stream: 'order:1',
      version: 1,
      type: 'OrderCreated',
      correlation_id: 'c-1',
      tenant_id: 't-1',
      aggregate_type: 'order',
      total: 5,
    },
  ])
})

const large = testStore({ maxConnections: 1 })
beforeAll(async () => {
  const rare = { type: 'Rare', correlationid: 'c-rare', tenantid: 't-rare', aggregatetype: 'a-rare' }
  for (let part = 0; part < 4; part++) {
    await large.store.append('s', [...messages(4_999, { tenantid: 't', aggregatetype: 'a' }), message({}, rare)])
  }
  await large.store.close()
})
afterAll(() => large[Symbol.asyncDispose]())

test.each<[string, Parameters<PostgresEventStore['readAll']>[0]]>([
  ['a position', { after: '15000' }],
  ['a rare type', { types: ['Rare'] }],
  ['two types', { types: ['Rare', 'Rarer'] }],
  ['a correlation', { correlationId: 'c-rare' }],
  ['a tenant', { tenantId: 't-rare' }],
  ['an aggregate type', { aggregateType: 'a-rare' }],
])('finds by %s without reading what is not asked for, on tables that were never analysed', async (_what, filter) => {
  const before = await rowsRead()
  const reader = large.another()
  expect((await all(reader.readAll({ ...filter, limit: 4 }))).length).toBe(4)
  await reader.close()
  const read = (await rowsRead()) - before
  expect(read).toBeGreaterThan(0)
  expect(read).toBeLessThan(300)
})

/** Rows that were looked at in all. A connection tells it when it ends, at the latest. */
async function rowsRead(): Promise<number> {
  const others = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'interline' AND query LIKE $1`
  await waitFor(async () => (await large.sql(others, [`%${large.schema}%`])).length === 0, { what: 'the connections to end' })
  const [row] = await large.sql(
    `SELECT (seq_tup_read + idx_tup_fetch)::int AS read FROM pg_stat_all_tables WHERE schemaname = $1 AND relname = 'interline_events'`,
    [large.schema],
  )
  return Number(row?.read)
}

test('capabilities say what an append survives', async () => {
  await using room = testStore()
  expect(room.store.capabilities).toMatchObject({ durable: false, durability: expect.stringContaining('Not known') })
  await room.store.connect()
  expect(room.store.capabilities).toMatchObject({ concurrentTransactions: true, scope: expect.stringContaining(room.schema) })
  expect(room.store).toBeInstanceOf(PostgresEventStore)
})
