import assert from 'node:assert/strict'
import type { IEventStore } from '@interline/core'
import { range } from '../../contract/events.js'
import { storedMessage, storedMessages } from '../store-messages.js'
import { collect, type StoreCase, type StoreRoom } from '../store-suite.js'

type Room = StoreRoom<IEventStore>

async function globalOrder(room: Room): Promise<void> {
  const stores = await Promise.all(range(4).map(() => room.store()))
  const perStream = room.count(500, 50)
  await Promise.all(
    stores.map(async (store, index) => {
      for (const n of range(perStream)) await store.append(`stream-${index}`, [storedMessage(n)])
    }),
  )
  const store = stores[0] ?? assert.fail()
  const all = await collect(store.readAll())
  assert.equal(all.length, 4 * perStream)
  for (const index of range(4)) {
    const versions = all.filter(({ stream }) => stream === `stream-${index}`).map(({ version }) => version)
    assert.deepEqual(
      versions,
      range(perStream).map((n) => n + 1),
      'the global order agrees with the order of the stream',
    )
  }
  const half = all[2 * perStream - 1]?.position ?? assert.fail()
  const rest = await collect(store.readAll({ after: half }))
  assert.deepEqual(
    rest.map(({ position }) => position),
    all.slice(2 * perStream).map(({ position }) => position),
    'reading goes on after a position',
  )
  assert.equal((await collect(store.readAll({ limit: 7 }))).length, 7)
  const head = await store.head()
  await store.append('later', [storedMessage(1)])
  assert.deepEqual(
    (await collect(store.readAll({ after: head }))).map(({ stream }) => stream),
    ['later'],
  )
}

async function concurrentBatches(room: Room): Promise<void> {
  const stores = await Promise.all(range(3).map(() => room.store()))
  await Promise.all(range(300).map((n) => stores[n % 3]?.append(`s-${n % 7}`, storedMessages(1 + (n % 3)), { expectedVersion: 'any' })))
  const read = await collect((stores[0] ?? assert.fail()).readAll())
  assert.equal(read.length, 600)
  assert.equal(new Set(read.map(({ position }) => position)).size, 600, 'a position for each')
  const versions = new Map<string, number>()
  for (const { stream, version } of read) {
    assert.equal(version, (versions.get(stream) ?? 0) + 1, `the order of all agrees with that of ${stream}`)
    versions.set(stream, version)
  }
}

async function pages(room: Room): Promise<void> {
  const store = await room.store()
  await store.append('s', storedMessages(25))
  const read: (readonly number[])[] = []
  let after: string | undefined
  do {
    const page = await collect(store.readAll({ after, limit: 10 }))
    read.push(page.map(({ version }) => version))
    after = page.at(-1)?.position ?? after
  } while ((read.at(-1)?.length ?? 0) === 10)
  assert.deepEqual(
    read.flat(),
    range(25).map((n) => n + 1),
    'page after page, without a gap',
  )
  assert.equal(await store.head(), after, 'the head is the position of the newest')
  assert.deepEqual(await collect(store.readAll({ after })), [])
  await store.append('s', storedMessages(1))
  assert.deepEqual(
    (await collect(store.readAll({ after }))).map(({ version }) => version),
    [26],
  )
}

/** A reader whose store lost its data would otherwise wait for ever for what it has passed. */
async function foreignPosition(room: Room): Promise<void> {
  const store = await room.store()
  const elsewhere = await room.elsewhere()
  await store.append('s', storedMessages(1))
  const { position: ahead } = await elsewhere.append('s', storedMessages(5))
  await assert.rejects(() => collect(store.readAll({ after: ahead })), /ahead of the store/)
  await assert.rejects(() => collect(store.readAll({ after: 'yesterday' })), /position of this store/)
}

export const readAllCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S06', title: 'readAll: the global order agrees with the order of each stream', run: globalOrder },
  {
    id: 'S06',
    title: 'the global order agrees with the order of each stream when many append parts of many at once',
    run: concurrentBatches,
  },
  { id: 'S06', title: 'reading all goes on after a position, page after page, without a gap', run: pages },
  { id: 'S06', title: 'a position that is ahead of the store, or of no store, is refused', run: foreignPosition },
]
