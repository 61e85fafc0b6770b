import assert from 'node:assert/strict'
import type { IEventStore } from '@interline/core'
import { range } from '../../contract/events.js'
import { storedMessage, storedMessages } from '../store-messages.js'
import { collect, type StoreCase, type StoreRoom } from '../store-suite.js'

type Room = StoreRoom<IEventStore>

async function partsOfAStream(room: Room): Promise<void> {
  const store = await room.store()
  await store.append('s', storedMessages(10))
  const versions = async (options: Parameters<IEventStore['readStream']>[1]): Promise<readonly number[]> =>
    (await collect(store.readStream('s', options))).map(({ version }) => version)
  assert.deepEqual(await versions({ from: 8 }), [8, 9, 10])
  assert.deepEqual(await versions({ to: 2 }), [1, 2])
  assert.deepEqual(await versions({ from: 4, to: 6 }), [4, 5, 6])
  assert.deepEqual(await versions({ limit: 2 }), [1, 2])
  assert.deepEqual(await versions({ backwards: true, limit: 3 }), [10, 9, 8])
  assert.deepEqual(await versions({ backwards: true, from: 3, to: 5 }), [5, 4, 3])
  assert.deepEqual(await versions({ from: 11 }), [])
  assert.deepEqual(await versions({ limit: 0 }), [])
  assert.deepEqual(
    await versions({}),
    range(10).map((n) => n + 1),
  )
}

async function longStream(room: Room): Promise<void> {
  const store = await room.store()
  const total = room.count(100_000, 10_000)
  const text = 'x'.repeat(20_000)
  const part = 500
  for (let start = 0; start < total; start += part) {
    await store.append(
      'long',
      range(part).map((n) => storedMessage(start + n, n % 50 === 0 ? { data: JSON.stringify({ n: start + n, text }) } : {})),
    )
  }
  const heap = new HeapWatch()
  let expected = 0
  const reader = await room.store()
  for await (const { version } of reader.readStream('long')) {
    expected += 1
    assert.equal(version, expected)
    if (expected % part === 0) heap.look()
  }
  assert.equal(expected, total)
  for await (const { version } of reader.readAll()) {
    assert.equal(version, expected - total + 1)
    expected += 1
    if (expected % part === 0) heap.look()
  }
  assert.equal(expected, 2 * total)
  assert.ok(heap.most < 150_000_000, `the heap grew by ${heap.most} bytes`)
  for await (const { version } of store.readStream('long')) if (version === 5) break
  assert.equal((await collect(store.readStream('long', { from: total - 1 }))).length, 2, 'a reader that left early harms nobody')
}

/** How much more the heap held than when the watch began. */
class HeapWatch {
  readonly #before = process.memoryUsage().heapUsed
  most = 0

  look(): void {
    this.most = Math.max(this.most, process.memoryUsage().heapUsed - this.#before)
  }
}

export const streamCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S05', title: 'readStream: from, to, limit, backwards', run: partsOfAStream },
  { id: 'S05', title: 'a long stream, and all events, are iterated with bounded memory', run: longStream },
]
