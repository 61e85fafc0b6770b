import assert from 'node:assert/strict'
import type { ISnapshotStore, StoredSnapshot } from '@interline/core'
import { range } from '../contract/events.js'
import type { StoreCase, StoreRoom } from './store-suite.js'

type Room = StoreRoom<ISnapshotStore>

function snapshot(stream: string, version: number, parts: Partial<StoredSnapshot> = {}): StoredSnapshot {
  const data = new TextEncoder().encode(JSON.stringify({ stream, version }))
  return { stream, version, schemaVersion: 1, eventId: `${stream}-event-${version}`, takenAt: 1_000 + version, data, ...parts }
}

const plain = (found: StoredSnapshot | undefined): StoredSnapshot | undefined => found && { ...found, data: new Uint8Array(found.data) }

async function saveAndLoad(room: Room): Promise<void> {
  const [mine, theirs] = [await room.store(), await room.store()]
  assert.equal(await mine.load('account:1'), undefined, 'nothing is there before')
  for (const version of [100, 300, 200]) await mine.save(snapshot('account:1', version))
  await mine.save(snapshot('account:2', 900))
  assert.deepEqual(plain(await theirs.load('account:1')), snapshot('account:1', 300), 'the newest, whatever was saved last')
  assert.deepEqual(plain(await theirs.load('account:1', { upTo: 299 })), snapshot('account:1', 200))
  assert.deepEqual(plain(await theirs.load('account:1', { upTo: 200 })), snapshot('account:1', 200), 'the version itself is included')
  assert.equal(await theirs.load('account:1', { upTo: 99 }), undefined)
  assert.equal(await theirs.load('account'), undefined, 'a name is a whole name')
}

async function bytes(room: Room): Promise<void> {
  const store = await room.store()
  const names = ['ünïcode:世界', 'with {braces} and *?[x]', `long-${'x'.repeat(900)}`, '}', 'quotes\'"; --']
  const everyByte = Uint8Array.from(range(256))
  const large = new Uint8Array(1_000_000).map((_, index) => (index * 7_919) % 251)
  for (const [index, stream] of names.entries()) {
    await store.save(snapshot(stream, 1, { data: index === 0 ? large : everyByte }))
  }
  for (const [index, stream] of names.entries()) {
    assert.deepEqual(plain(await store.load(stream))?.data, index === 0 ? large : everyByte, stream.slice(0, 40))
  }
  await store.save(snapshot('empty', 1, { data: new Uint8Array() }))
  assert.equal((await store.load('empty'))?.data.length, 0)
}

async function replaced(room: Room): Promise<void> {
  const store = await room.store()
  const form = (schemaVersion: number, eventId: string): StoredSnapshot => snapshot('s', 100, { schemaVersion, eventId })
  await store.save(form(1, 'first'))
  await store.save(snapshot('s', 100, { schemaVersion: 1, eventId: 'second', takenAt: 9_000 }))
  assert.equal((await store.load('s'))?.eventId, 'second', 'the same place is taken by the last')
  await store.save(form(2, 'newer form'))
  assert.equal((await store.load('s'))?.eventId, 'newer form', 'another form stands beside it')
  assert.equal((await store.load('s', { schemaVersion: 1 }))?.eventId, 'second')
  assert.equal(await store.load('s', { schemaVersion: 3 }), undefined)
  assert.equal(await store.remove({ stream: 's' }), 2)
}

async function retention(room: Room): Promise<void> {
  const store = await room.store()
  for (const stream of ['a', 'b']) for (const version of [1, 2, 3, 4, 5]) await store.save(snapshot(stream, version))
  assert.equal(await store.remove({ stream: 'a', keep: 3 }), 2, 'by count, of one stream')
  assert.equal((await store.load('a', { upTo: 2 }))?.version, undefined)
  assert.equal((await store.load('b', { upTo: 2 }))?.version, 2)
  assert.equal(await store.remove({ keep: 1, takenBefore: 1_005 }), 2 + 4, 'by age, of all, but for the newest')
  assert.equal((await store.load('a'))?.version, 5)
  assert.equal(await store.remove({ keep: 1, takenBefore: 9_999 }), 0, 'the newest stays however old it is')
  assert.equal(await store.remove({ stream: 'b' }), 1, 'all of a stream')
  assert.equal(await store.load('b'), undefined)
  assert.equal((await store.load('a'))?.version, 5, 'and of no other')
  assert.equal(await store.remove({}), 1)
  assert.equal(await store.remove({ stream: 'unknown' }), 0)
}

async function atOnce(room: Room): Promise<void> {
  const stores = await Promise.all(range(4).map(() => room.store()))
  const versions = range(room.count(400, 80)).map((index) => index + 1)
  await Promise.all(versions.map((version, index) => (stores[index % 4] ?? assert.fail()).save(snapshot('busy', version))))
  const newest = versions.length
  for (const store of stores) assert.equal((await store.load('busy'))?.version, newest)
  await Promise.all(stores.map((store) => store.remove({ stream: 'busy', keep: 3 })))
  assert.equal((await stores[0]?.load('busy'))?.version, newest)
  assert.equal(await stores[1]?.remove({ stream: 'busy' }), 3)
}

export const snapshotCases: readonly StoreCase<ISnapshotStore>[] = [
  { id: 'S12', title: 'snapshots: save, load the newest, load at or before a version', run: saveAndLoad },
  { id: 'S12', title: 'snapshots: any name and any bytes come back as they were', run: bytes },
  { id: 'S12', title: 'snapshots: one of the same place is replaced, one of another form stands beside it', run: replaced },
  { id: 'S12', title: 'snapshots: removed by count and by age, never the newest unless asked to', run: retention },
  { id: 'S12', title: 'snapshots: many writers at once', run: atOnce },
]
