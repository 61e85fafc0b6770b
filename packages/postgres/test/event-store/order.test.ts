import { waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { plainClient } from '../postgres-server.js'
import { all, idsOf, messages, testStore } from './stores.js'
import { appendIn, tailBesideTransactions } from './transactions.js'

test('S07 a tail beside held, reversed and rolled back transactions misses nothing and sees no version before another', async () => {
  await using room = testStore()
  const { seen, seenBesideForeign, rolledBack, ...wrong } = await tailBesideTransactions(room, 5_000)
  expect(wrong).toEqual({ missed: 0, repeated: 0, inversions: 0 })
  expect([seen, rolledBack, seenBesideForeign].map((count) => count > 0)).toEqual([true, true, true])
}, 60_000)

test.each([2 ** 31, 2 ** 32])(
  'the same where the keys of locks wrap, at %i',
  async (wrap) => {
    await using room = testStore()
    await room.store.connect()
    await room.sql(`SELECT setval('"${room.schema}".interline_events_position', ${wrap - 400})`)
    const { seen, seenBesideForeign: _seen, rolledBack: _back, ...wrong } = await tailBesideTransactions(room, 2_000)
    expect(wrong).toEqual({ missed: 0, repeated: 0, inversions: 0 })
    expect(seen).toBeGreaterThan(0)
    expect(Number(await room.store.head())).toBeGreaterThan(wrap)
  },
  60_000,
)

test('transactions that commit in reverse are seen in the order of positions, when nothing can come before them', async () => {
  await using room = testStore()
  await room.store.append('first', messages(1))
  await using one = await plainClient()
  await using two = await plainClient()
  await using three = await plainClient()
  for (const [index, client] of [one, two, three].entries()) {
    await client.sql.query('BEGIN')
    await appendIn(client.sql, room.schema, `s-${index}`)
  }
  const streams = async (): Promise<string[]> => (await all(room.store.readAll())).map(({ stream }) => stream)
  const head = await room.store.head()
  await three.sql.query('COMMIT')
  expect(await streams()).toEqual(['first'])
  await two.sql.query('ROLLBACK')
  expect(await streams()).toEqual(['first'])
  await room.store.append('last', messages(1))
  expect(await streams()).toEqual(['first'])
  expect(await room.store.head()).toBe(head)
  await one.sql.query('COMMIT')
  expect(await streams()).toEqual(['first', 's-0', 's-2', 'last'])
  expect((await all(room.store.readAll({ after: head }))).map(({ stream }) => stream)).toEqual(['s-0', 's-2', 'last'])
})

test('a foreign transaction, and an appender that waits for its stream, hold no reader up', async () => {
  await using room = testStore()
  await room.store.append('busy', messages(1))
  await using foreign = await plainClient()
  await foreign.sql.query('BEGIN')
  await foreign.sql.query('SELECT pg_current_xact_id()')
  await foreign.sql.query(`SELECT 1 FROM "${room.schema}".interline_events_streams WHERE stream = 'busy' FOR UPDATE`)
  const waiting = room.store.append('busy', messages(1))
  await waitFor(async () => (await room.sql('SELECT 1 FROM pg_stat_activity WHERE wait_event_type = $1', ['Lock'])).length > 0)
  await room.store.append('free', messages(1))
  expect((await all(room.store.readAll())).map(({ stream }) => stream)).toEqual(['busy', 'free'])
  await foreign.sql.query('COMMIT')
  expect((await waiting).version).toBe(2)
})

test('appends that arrive together share a commit, each with its own verdict', async () => {
  await using room = testStore()
  const { store } = room
  await store.append('old', messages(3))
  const again = messages(2)
  await store.append('twice', again, { expectedVersion: 0 })
  const first = Array.from({ length: 4 }, (_, index) => store.append(`busy-${index}`, messages(1)))
  const given = [
    store.append('old', messages(1), { expectedVersion: 3 }),
    store.append('old', messages(1), { expectedVersion: 3 }),
    store.append('old', messages(2), { expectedVersion: 4 }),
    store.append('new', messages(2), { expectedVersion: 'no-stream' }),
    store.append('new', messages(1), { expectedVersion: 'no-stream' }),
    store.append('twice', again, { expectedVersion: 0 }),
    store.append('never', messages(1), { expectedVersion: 'stream-exists' }),
    store.append('any', messages(1)),
    store.append('other', again.slice(0, 1)),
  ]
  const settled = Promise.allSettled(given)
  await Promise.all(first)
  const told = (await settled).map((each) => (each.status === 'fulfilled' ? each.value.version : [each.reason.code, each.reason.actual]))
  const conflict = 'INTERLINE_WRONG_EXPECTED_VERSION'
  expect(told).toEqual([4, [conflict, 4], 6, 2, [conflict, 2], 2, [conflict, 0], 1, ['INTERLINE_INVALID_EVENT', undefined]])
})

test('many that arrive at once need few commits', async () => {
  await using room = testStore()
  await room.store.connect()
  await Promise.all(Array.from({ length: 40 }, (_, index) => room.store.append(`s-${index}`, messages(1), { expectedVersion: 0 })))
  const [found] = await room.sql(
    `SELECT count(DISTINCT xmin::text)::int AS commits, count(*)::int AS events FROM "${room.schema}".interline_events`,
  )
  expect(found?.events).toBe(40)
  expect(Number(found?.commits)).toBeLessThan(10)
})

test('what one process appends to a stream is there in the order in which it was asked for', async () => {
  await using room = testStore()
  const given = messages(200)
  await Promise.all(given.flatMap((each, index) => [room.store.append('s', [each]), room.store.append(`t-${index % 9}`, messages(1))]))
  expect(idsOf(await all(room.store.readStream('s')))).toEqual(idsOf(given))
})

test('an append that is aborted while it waits is not sent, and touches no other', async () => {
  await using room = testStore()
  await room.store.connect()
  const controller = new AbortController()
  const first = [1, 2].map((index) => room.store.append(`s-${index}`, messages(1)))
  const aborted = room.store.append('aborted', messages(1), { signal: controller.signal })
  const kept = room.store.append('kept', messages(1))
  controller.abort(new Error('enough'))
  await expect(aborted).rejects.toThrow('enough')
  await Promise.all([...first, kept])
  expect(new Set((await all(room.store.readAll())).map(({ stream }) => stream))).toEqual(new Set(['s-1', 's-2', 'kept']))
})
