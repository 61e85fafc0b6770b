import { type PostgresArchive, PostgresEventStore } from '@interline/postgres'
import { testEventStore, waitFor } from '@interline/testing'
import { describe, expect, it, test } from 'vitest'
import { cleanUp, schemaOf, storeOf } from '../postgres-server.js'
import { all, idsOf, message, messages, type TestStore, testStore } from './stores.js'
import { tailBesideTransactions } from './transactions.js'

const partition = { by: 'day' } as const
const dayMs = 86_400_000

testEventStore('postgres event store with partitions', {
  create: (namespace) => storeOf(namespace, { partition }),
  retaining: (namespace, retention) => storeOf(namespace, { partition, retention, logger: { warn: () => undefined } }),
  leaveOut: { S14: 'the server is the same as without partitions', 'S13-kill': 'nothing of it is different' },
  cleanUp,
  runner: { describe, it },
})

async function partitionsOf({ sql, schema }: TestStore): Promise<readonly { readonly name: string; readonly events: number }[]> {
  const found = await sql(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = '"${schema}".interline_events'::regclass ORDER BY 1`,
  )
  const counted = found.map(async ({ name }) => ({
    name: String(name).replace('interline_events_', ''),
    events: Number((await sql(`SELECT count(*)::int AS count FROM "${schema}"."${String(name)}"`))[0]?.count),
  }))
  return Promise.all(counted)
}

/** 60 events of two streams, made to be recorded over the last five days, ten or more on each, in order. */
async function fiveDays(room: TestStore): Promise<void> {
  await room.store.connect()
  // The store's own first pass is over, and the next one is an hour away.
  await waitFor(async () => (await partitionsOf(room)).length >= 5, { what: 'the partitions to come' })
  await room.store.applyPartitions()
  for (let part = 0; part < 30; part++) await room.store.append(part % 2 === 0 ? 'a' : 'b', messages(2, { type: `Type-${part % 3}` }))
  await room.sql(`UPDATE "${room.schema}".interline_events SET recorded_at = recorded_at - (4 - (position - 1) / 12) * ${dayMs}`)
}

async function everything(store: PostgresEventStore): Promise<unknown> {
  const ids: unknown[] = []
  for (const options of [{}, { backwards: true }, { from: 5, to: 22 }]) {
    for (const stream of ['a', 'b']) ids.push(idsOf(await all(store.readStream(stream, options))))
  }
  for (const options of [{}, { after: '17', limit: 20 }, { types: ['Type-1'] }, { since: new Date(Date.now() - 2.5 * dayMs) }]) {
    ids.push(idsOf(await all(store.readAll(options))))
  }
  return ids
}

const nameOf = (days: number): string => `p${new Date(Date.now() + days * dayMs).toISOString().slice(0, 10).replaceAll('-', '')}`

test('partitions are made ahead, from the first moment on', async () => {
  await using room = testStore({ partition: { by: 'day', ahead: 2 } })
  await room.store.append('s', messages(3))
  expect(await partitionsOf(room)).toContainEqual({ name: nameOf(0), events: 3 })
  await waitFor(async () => (await partitionsOf(room)).length === 4, { what: 'the partitions to come' })
  expect((await partitionsOf(room)).map(({ name }) => name)).toEqual(['others', nameOf(0), nameOf(1), nameOf(2)])
})

test('what was appended while nobody made partitions lies among the others, and moves to its own; reading does not notice', async () => {
  await using room = testStore({ partition })
  await fiveDays(room)
  const before = await everything(room.store)
  expect((await partitionsOf(room)).find(({ name }) => name === 'others')?.events).toBe(48)
  await room.store.applyPartitions()
  const found = await partitionsOf(room)
  expect(found.filter(({ events }) => events > 0)).toEqual([-4, -3, -2, -1, 0].map((days) => ({ name: nameOf(days), events: 12 })))
  expect(await everything(room.store)).toEqual(before)
  expect((await room.store.append('a', messages(1), { expectedVersion: 30 })).version).toBe(31)
})

test.each<[string, Partial<PostgresArchive>]>([['archived', {}]])(
  'a partition that is over and %s is dropped, and read through',
  async (_what, archive) => {
    await using room = testStore({ partition, archive: { ...archive, maxEvents: 30 } })
    await fiveDays(room)
    await room.store.applyPartitions()
    const before = await everything(room.store)
    expect(await room.store.applyArchive()).toEqual({ events: 30 })
    await room.store.applyPartitions()
    const left = (await partitionsOf(room)).filter(({ name }) => name !== 'others' && name <= nameOf(0))
    expect(left).toEqual([
      { name: nameOf(-2), events: 6 },
      { name: nameOf(-1), events: 12 },
      { name: nameOf(0), events: 12 },
    ])
    expect(await everything(room.store)).toEqual(before)
  },
)

test('S07 nothing is missed and nothing seen twice beside held transactions, while partitions come and go', async () => {
  await using room = testStore({ partition })
  await room.store.connect()
  let running = true
  let changes = 0
  const changing = (async () => {
    while (running) {
      // The partition of today is taken away with its events among the others, as if nobody had made it.
      const name = `"${room.schema}"."interline_events_${nameOf(0)}"`
      await room
        .sql(`SET lock_timeout = '2s'; BEGIN; LOCK TABLE "${room.schema}".interline_events IN ACCESS EXCLUSIVE MODE;
        ALTER TABLE "${room.schema}".interline_events DETACH PARTITION ${name};
        INSERT INTO "${room.schema}".interline_events SELECT * FROM ${name}; DROP TABLE ${name}; COMMIT`)
        .catch(() => undefined)
      await room.store.applyPartitions().catch(() => undefined)
      changes++
    }
  })()
  const { seen, rolledBack, seenBesideForeign: _seen, ...wrong } = await tailBesideTransactions(room, 4_000)
  running = false
  await changing
  expect(wrong).toEqual({ missed: 0, repeated: 0, inversions: 0 })
  expect(seen).toBeGreaterThan(100)
  expect(rolledBack).toBeGreaterThan(3)
  expect(changes).toBeGreaterThan(1)
}, 60_000)

test('versions stay unique over partitions, and so do event ids within one: that is the price', async () => {
  await using room = testStore({ partition })
  const { store } = room
  const [one] = messages(1)
  await store.append('s', [one as never], { expectedVersion: 0 })
  await room.sql(`UPDATE "${room.schema}".interline_events SET recorded_at = recorded_at - ${40 * dayMs}`)
  await store.applyPartitions()
  await expect(store.append('s', messages(1), { expectedVersion: 0 })).rejects.toMatchObject({ actual: 1 })
  expect((await store.append('s', [one as never], { expectedVersion: 0 })).version).toBe(1)
  expect((await store.append('t', [one as never])).version).toBe(1)
  await expect(store.append('u', [one as never])).rejects.toThrow('a store keeps an event once')
  expect((await all(store.readAll())).length).toBe(2)
})

test('tables are not divided anew', async () => {
  await using room = testStore()
  await room.store.append('s', [message()])
  await expect(room.another({ partition }).connect()).rejects.toThrow('were made without partitions, and are not divided anew')
  await using divided = testStore({ partition })
  await divided.store.connect()
  await expect(divided.another({ partition: { by: 'month' } }).connect()).rejects.toThrow('were made with a partition for each day')
  expect((await divided.another({}).append('s', messages(1))).version).toBe(1)
})

test.each([
  [{}, 'store.postgres.partition.by must be'],
  [{ by: 'year' }, `store.postgres.partition.by must be 'month', 'week' or 'day'`],
  [{ by: 'day', ahead: 0 }, 'store.postgres.partition.ahead must be'],
])('refuses %j', (options, words) => {
  expect(() => new PostgresEventStore({ partition: options as never })).toThrow(words)
})

test('weeks and months begin where the calendar says', async () => {
  for (const by of ['week', 'month'] as const) {
    await using room = testStore({ partition: { by } })
    await room.store.append('s', messages(1))
    await room.store.applyPartitions()
    const days = (await partitionsOf(room))
      .slice(1)
      .map(({ name }) => new Date(`${name.slice(1, 5)}-${name.slice(5, 7)}-${name.slice(7, 9)}T00:00:00Z`))
    expect(days.length).toBe(4)
    for (const day of days) expect(by === 'week' ? day.getUTCDay() : day.getUTCDate()).toBe(1)
  }
  expect(schemaOf('a-b')).toBe('a_b')
})
