import assert from 'node:assert/strict'
import type { IEventStore, RecordedEvent, WireMessage } from '@interline/core'
import { range } from '../../contract/events.js'
import { waitFor } from '../../waiting/wait-for.js'
import { idsOf, numberOf, storedMessage, storedMessages } from '../store-messages.js'
import { collect, type StoreCase, type StoreRoom } from '../store-suite.js'

type Room = StoreRoom<IEventStore>

async function filters(room: Room): Promise<void> {
  const store = await room.store()
  const of = (n: number, type: string, correlationid: string, tenantid: string, aggregatetype: string): WireMessage =>
    storedMessage(n, { type, attributes: { correlationid, tenantid, aggregatetype } })
  await store.append('a', [of(0, 'A', 'c1', 't1', 'X'), of(1, 'B', 'c1', 't2', 'X'), of(2, 'C', 'c2', 't1', 'Y')])
  await store.append('b', [of(3, 'A', 'c2', 't1', 'Y'), of(4, 'B', 'c1', 't1', 'Y'), storedMessage(5)])
  const found = async (options: Parameters<IEventStore['readAll']>[0]): Promise<readonly number[]> =>
    (await collect(store.readAll(options))).map(({ message }) => numberOf(message))
  assert.deepEqual(await found({ types: ['A', 'C'] }), [0, 2, 3])
  assert.deepEqual(await found({ correlationId: 'c1' }), [0, 1, 4])
  assert.deepEqual(await found({ tenantId: 't1' }), [0, 2, 3, 4])
  assert.deepEqual(await found({ aggregateType: 'Y' }), [2, 3, 4])
  assert.deepEqual(await found({ types: ['A', 'B'], correlationId: 'c1', tenantId: 't1', aggregateType: 'Y' }), [4])
  assert.deepEqual(await found({ types: [] }), [], 'no types, no events')
  assert.deepEqual(await found({ tenantId: 't1', limit: 2 }), [0, 2], 'a limit counts what fits')
  const times = (await collect(store.readAll())).map(({ recordedAt }) => recordedAt)
  const first = Math.min(...times)
  const last = Math.max(...times)
  assert.equal((await found({ since: new Date(first), until: new Date(last + 1) })).length, 6)
  assert.equal((await found({ until: new Date(first) })).length, 0)
  assert.equal((await found({ since: new Date(last + 1) })).length, 0)
}

async function asOf(room: Room): Promise<void> {
  const store = await room.store()
  for (const n of range(20)) {
    const { version } = await store.append('account', [storedMessage(n)])
    assert.equal(version, n + 1)
    // The state as of a time needs two times.
    if (n === 9) await laterThan(await collect(store.readStream('account', { from: 10 })))
  }
  const recorded = await collect(store.readStream('account'))
  const fold = (events: readonly RecordedEvent[]): number => events.reduce((sum, { message }) => sum + numberOf(message), 0)
  for (const to of [1, 7, 20]) {
    assert.equal(fold(await collect(store.readStream('account', { to }))), fold(recorded.slice(0, to)), `the state at version ${to}`)
  }
  for (const { recordedAt } of [recorded[9], recorded[19]].map((event) => event ?? assert.fail())) {
    const until = await collect(store.readAll({ until: new Date(recordedAt + 1) }))
    assert.equal(fold(until), fold(recorded.filter((event) => event.recordedAt <= recordedAt)), `the state at ${recordedAt}`)
  }
}

async function laterThan([event]: readonly RecordedEvent[]): Promise<void> {
  await waitFor(() => Date.now() > (event?.recordedAt ?? 0) + 1, { what: 'the clock to move on' })
}

async function filtersOverStreams(room: Room): Promise<void> {
  const store = await room.store()
  const of = (n: number, type: string, attributes: Readonly<Record<string, string>>): WireMessage => storedMessage(n, { type, attributes })
  const read = async (options: Parameters<IEventStore['readAll']>[0]): Promise<readonly number[]> =>
    (await collect(store.readAll(options))).map(({ message }) => numberOf(message))
  await store.append('x', [
    of(0, 'A', { correlationid: 'c-1', aggregatetype: 'Order', tenantid: 't-1' }),
    of(1, 'B', { correlationid: 'c-1', aggregatetype: 'Order', tenantid: 't-2' }),
  ])
  await store.append('y:with:colons', [
    of(2, 'C', { correlationid: 'c-2', aggregatetype: 'Invoice', tenantid: 't-1' }),
    of(3, 'A', { correlationid: 'c-2' }),
  ])
  const positions = (await collect(store.readAll())).map(({ position }) => position)
  assert.deepEqual(await read({ types: ['A'] }), [0, 3])
  assert.deepEqual(await read({ types: ['B', 'C'] }), [1, 2])
  assert.deepEqual(await read({ types: ['A'], limit: 1 }), [0])
  assert.deepEqual(await read({ types: ['A'], after: positions[0] }), [3])
  assert.deepEqual(await read({ correlationId: 'c-2' }), [2, 3])
  assert.deepEqual(await read({ correlationId: 'c-2', after: positions[2] }), [3])
  assert.deepEqual(await read({ correlationId: 'unknown' }), [])
  assert.deepEqual(await read({ aggregateType: 'Order' }), [0, 1])
  assert.deepEqual(await read({ tenantId: 't-1' }), [0, 2])
  assert.deepEqual(await read({ tenantId: 't-1', correlationId: 'c-1' }), [0])
  assert.deepEqual(await read({ tenantId: 't-1', aggregateType: 'Order', types: ['A', 'B'] }), [0])
}

async function correlatedByTheirRoot(room: Room): Promise<void> {
  const store = await room.store()
  const other = storedMessage(9, { attributes: { correlationid: 'c-2' } })
  const plain = storedMessage(0)
  const root = { ...plain, attributes: { ...plain.attributes, correlationid: plain.attributes.id as string } }
  const followers = storedMessages(3, { attributes: { correlationid: root.attributes.correlationid } })
  await store.append('x', [other])
  await store.append('z', followers.slice(0, 1))
  await store.append('x', [root])
  await store.append('z', followers.slice(1))
  const correlationId = root.attributes.correlationid
  const read = async (options: Parameters<IEventStore['readAll']>[0]): Promise<readonly (string | undefined)[]> =>
    idsOf(await collect(store.readAll({ correlationId, ...options })))
  const together = idsOf([...followers.slice(0, 1), root, ...followers.slice(1)])
  assert.deepEqual(await read({}), together, 'in one order over all streams')
  for (const limit of [1, 2, 3, 4]) assert.deepEqual(await read({ limit }), together.slice(0, limit), `the first ${limit}`)
  const positions = (await collect(store.readAll())).map(({ position }) => position)
  assert.deepEqual(await read({ after: positions[2] }), together.slice(2), 'after the root')
  assert.deepEqual(idsOf(await collect(store.readAll({ correlationId: other.attributes.id }))), [], 'an id of another correlation')
}

async function everyTimeSpan(room: Room): Promise<void> {
  const store = await room.store()
  for (const message of storedMessages(40)) await store.append('s', [message])
  await store.append('gone', storedMessages(5))
  await store.deleteStream('gone')
  const recorded = await collect(store.readAll())
  const times = recorded.map(({ recordedAt }) => recordedAt)
  assert.deepEqual(
    times,
    [...times].sort((left, right) => left - right),
    'time does not go back',
  )
  const found = async (options: Parameters<IEventStore['readAll']>[0]): Promise<readonly string[]> =>
    (await collect(store.readAll(options))).map(({ position }) => position)
  const positions = (events: readonly RecordedEvent[]): readonly string[] => events.map(({ position }) => position)
  for (const moment of new Set(times)) {
    assert.deepEqual(await found({ since: new Date(moment) }), positions(recorded.filter(({ recordedAt }) => recordedAt >= moment)))
    assert.deepEqual(await found({ until: new Date(moment) }), positions(recorded.filter(({ recordedAt }) => recordedAt < moment)))
  }
  assert.deepEqual(await found({ since: new Date(Date.now() + 120_000) }), [])
  assert.deepEqual(await found({ since: new Date(0), until: new Date(1) }), [])
}

export const filterCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S08', title: 'filters: types, correlationId, aggregate type, time span, tenant, and combined', run: filters },
  { id: 'S08', title: 'filters hold over all streams, with a limit and after a position', run: filtersOverStreams },
  { id: 'S08', title: 'what has one correlation is found in one order, its first event among the others', run: correlatedByTheirRoot },
  { id: 'S08', title: 'every time span gives what was recorded within it', run: everyTimeSpan },
  { id: 'S09', title: 'as of a version or time: the state is a fold up to there', run: asOf },
]
