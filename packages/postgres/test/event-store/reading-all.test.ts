import { expect, test } from 'vitest'
import { all, idsOf, message, messages, testStore } from './stores.js'

test('the global order agrees with the order of each stream, also for concurrent writers', async () => {
  await using room = testStore()
  const stores = [room.store, room.another(), room.another()]
  await Promise.all(
    Array.from({ length: 300 }, (_, index) =>
      stores[index % 3]?.append(`s-${index % 7}`, messages(1 + (index % 3)), { expectedVersion: 'any' }),
    ),
  )
  const read = await all(room.store.readAll())
  expect(read.map(({ position }) => Number(position))).toEqual(read.map((_, index) => index + 1))
  const versions = new Map<string, number>()
  for (const { stream, version } of read) {
    expect(version).toBe((versions.get(stream) ?? 0) + 1)
    versions.set(stream, version)
  }
  expect(read.length).toBe(600)
})

test('goes on after a position, page after page, without a gap', async () => {
  await using room = testStore()
  const { store } = room
  await store.append('s', messages(25))
  const seen: string[] = []
  let after: string | undefined
  for (;;) {
    const page = await all(store.readAll({ after, limit: 10 }))
    seen.push(...page.map(({ position }) => position))
    after = page.at(-1)?.position
    if (page.length < 10) break
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => String(index + 1)))
  expect(await store.head()).toBe('25')
  expect(await all(store.readAll({ after: '25' }))).toEqual([])
  await store.append('s', messages(1))
  expect((await all(store.readAll({ after: '25' }))).map(({ position }) => position)).toEqual(['26'])
  await expect(all(store.readAll({ after: '27' }))).rejects.toThrow('ahead of the store, whose newest is 26')
  await expect(all(store.readAll({ after: 'yesterday' }))).rejects.toThrow('no position of this store')
})

test('filters by type, correlation, aggregate type and tenant, alone and together', async () => {
  await using room = testStore()
  const { store } = room
  const a = message({}, { type: 'A', correlationid: 'c-1', aggregatetype: 'Order', tenantid: 't-1' })
  const b = message({}, { type: 'B', correlationid: 'c-1', aggregatetype: 'Order', tenantid: 't-2' })
  const c = message({}, { type: 'C', correlationid: 'c-2', aggregatetype: 'Invoice', tenantid: 't-1' })
  const d = message({}, { type: 'A', correlationid: 'c-2' })
  await store.append('x', [a, b])
  await store.append('y:with:colons', [c, d])
  const read = async (options: Parameters<typeof store.readAll>[0]) => idsOf(await all(store.readAll(options)))
  expect(await read({ types: ['A'] })).toEqual(idsOf([a, d]))
  expect(await read({ types: ['B', 'C'] })).toEqual(idsOf([b, c]))
  expect(await read({ types: [] })).toEqual([])
  expect(await read({ correlationId: 'c-2' })).toEqual(idsOf([c, d]))
  expect(await read({ correlationId: 'c-2', after: '3' })).toEqual(idsOf([d]))
  expect(await read({ correlationId: 'unknown' })).toEqual([])
  expect(await read({ correlationId: d.attributes.id })).toEqual([])
  const root = message({})
  const followers = messages(3, { correlationid: root.attributes.id as string })
  await store.append('z', followers.slice(0, 1))
  await store.append('x', [root])
  await store.append('z', followers.slice(1))
  const together = idsOf([followers[0] ?? root, root, ...followers.slice(1)])
  expect(await read({ correlationId: root.attributes.id })).toEqual(together)
  for (let limit = 1; limit <= 4; limit++)
    expect(await read({ correlationId: root.attributes.id, limit })).toEqual(together.slice(0, limit))
  expect(await read({ correlationId: root.attributes.id, after: '6' })).toEqual(together.slice(2))
  expect(await read({ aggregateType: 'Order' })).toEqual(idsOf([a, b]))
  expect(await read({ tenantId: 't-1' })).toEqual(idsOf([a, c]))
  expect(await read({ tenantId: 't-1', correlationId: 'c-1' })).toEqual(idsOf([a]))
  expect(await read({ tenantId: 't-1', aggregateType: 'Order', types: ['A', 'B'] })).toEqual(idsOf([a]))
  expect(await read({ types: ['A'], limit: 1 })).toEqual(idsOf([a]))
  expect(await read({ types: ['A'], after: '1' })).toEqual(idsOf([d]))
})

test('filters by the time at which the store recorded an event', async () => {
  await using room = testStore()
  const { store } = room
  const given = Array.from({ length: 40 }, () => message())
  for (const each of given) await store.append('s', [each])
  await store.append('gone', messages(5))
  await store.deleteStream('gone')
  const recorded = await all(store.readAll())
  const times = recorded.map(({ recordedAt }) => recordedAt)
  expect(times).toEqual([...times].sort((a, b) => a - b))
  for (const moment of new Set(times)) {
    const since = await all(store.readAll({ since: new Date(moment) }))
    const until = await all(store.readAll({ until: new Date(moment) }))
    expect(since).toEqual(recorded.filter(({ recordedAt }) => recordedAt >= moment))
    expect(until).toEqual(recorded.filter(({ recordedAt }) => recordedAt < moment))
  }
  expect(await all(store.readAll({ since: new Date(Date.now() + 60_000) }))).toEqual([])
  expect(await all(store.readAll({ since: new Date(0), until: new Date(1) }))).toEqual([])
})

test('iterates a stream of 10,000 events, and all events, with bounded memory', async () => {
  await using room = testStore()
  const { store } = room
  const text = 'x'.repeat(20_000)
  for (let at = 0; at < 10_000; at += 500)
    await store.append(
      's',
      Array.from({ length: 500 }, (_, index) => message(index % 50 === 0 ? { text } : {})),
    )
  const heap = () => process.memoryUsage().heapUsed
  const before = heap()
  let most = 0
  let count = 0
  for await (const { version } of store.readStream('s')) {
    expect(version).toBe(++count)
    if (count % 500 === 0) most = Math.max(most, heap() - before)
  }
  for await (const { position } of store.readAll()) {
    expect(Number(position)).toBe(++count - 10_000)
    if (count % 500 === 0) most = Math.max(most, heap() - before)
  }
  expect(count).toBe(20_000)
  expect(most).toBeLessThan(150_000_000)
})
