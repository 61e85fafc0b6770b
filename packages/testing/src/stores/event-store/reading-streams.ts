import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
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
  const text = 'x'.repeat(room.count(1_000, 4_000))
  const part = 500
  const lookEvery = 2_500
  for (let start = 0; start < total; start += part) {
    await store.append(
      'long',
      range(part).map((n) => storedMessage(start + n, { data: JSON.stringify({ n: start + n, text }) })),
    )
  }
  const heap = new HeapWatch()
  let expected = 0
  const reader = await room.store()
  for await (const { version } of reader.readStream('long')) {
    expected += 1
    assert.equal(version, expected)
    if (expected % lookEvery === 0) heap.look()
  }
  assert.equal(expected, total)
  for await (const { version } of reader.readAll()) {
    assert.equal(version, expected - total + 1)
    expected += 1
    if (expected % lookEvery === 0) heap.look()
  }
  assert.equal(expected, 2 * total)
  // All of it would be more than 40 MB, and more than 100 MB in full scale; two pages are some megabytes each.
  assert.ok(heap.most < 25_000_000, `${heap.most} bytes more were held than before reading`)
  for await (const { version } of store.readStream('long')) if (version === 5) break
  assert.equal((await collect(store.readStream('long', { from: total - 1 }))).length, 2, 'a reader that left early harms nobody')
}

/** How much more the heap holds than when the watch began, without what is garbage. */
class HeapWatch {
  readonly #before = held()
  most = 0

  look(): void {
    this.most = Math.max(this.most, held() - this.#before)
  }
}

let collectGarbage: (() => void) | undefined

function held(): number {
  if (collectGarbage === undefined) {
    setFlagsFromString('--expose-gc')
    collectGarbage = runInNewContext('gc') as () => void
  }
  collectGarbage()
  return process.memoryUsage().heapUsed
}

export const streamCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S05', title: 'readStream: from, to, limit, backwards', run: partsOfAStream },
  { id: 'S05', title: 'a long stream, and all events, are iterated with bounded memory', run: longStream },
]
