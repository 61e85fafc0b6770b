import assert from 'node:assert/strict'
import { follow, type IEventStore, type RecordedEvent } from '@interline/core'
import { range } from '../../contract/events.js'
import { waitFor } from '../../waiting/wait-for.js'
import { storedMessage, storedMessages } from '../store-messages.js'
import { collect, type StoreCase, type StoreRoom } from '../store-suite.js'

type Room = StoreRoom<IEventStore>

async function tailing(room: Room): Promise<void> {
  const stores = await Promise.all(range(4).map(() => room.store()))
  const reader = await room.store()
  const writers = 16
  const perWriter = room.count(500, 40)
  let running = true
  const seen: RecordedEvent[] = []
  const tail = (async () => {
    for (let last = false; !last; ) {
      last = !running
      for await (const event of reader.readAll({ after: seen.at(-1)?.position, limit: 100 })) seen.push(event)
    }
    for await (const event of reader.readAll({ after: seen.at(-1)?.position })) seen.push(event)
  })()
  try {
    await Promise.all(
      range(writers).map(async (writer) => {
        const store = stores[writer % stores.length] ?? assert.fail()
        for (const n of range(perWriter)) {
          const events = range(1 + (n % 3)).map(() => storedMessage(writer))
          await store.append(`stream-${(writer + n) % 7}`, events)
        }
      }),
    )
  } finally {
    running = false
    await tail
  }
  const all = await collect(reader.readAll())
  assert.deepEqual(
    seen.map(({ position }) => position),
    all.map(({ position }) => position),
    'the tail saw every event once, in order, none skipped',
  )
  const versions = new Map<string, number>()
  for (const { stream, version } of seen) {
    assert.equal(version, (versions.get(stream) ?? 0) + 1, 'the order of all agrees with the order of each stream')
    versions.set(stream, version)
  }
  assert.equal(seen.length, writers * range(perWriter).reduce((sum, n) => sum + 1 + (n % 3), 0))
}

async function following(room: Room): Promise<void> {
  const [reader, writer] = [await room.store(), await room.store()]
  await writer.append('s', storedMessages(3))
  const controller = new AbortController()
  const seen: number[] = []
  const reading = (async () => {
    for await (const { version } of follow(reader, { pollMs: 50, signal: controller.signal })) seen.push(version)
  })()
  await waitFor(() => seen.length === 3, { what: 'what was there', limitMs: room.limits.gapMs })
  await writer.append('s', storedMessages(2))
  await waitFor(() => seen.length === 5, { what: 'what came afterwards', limitMs: room.limits.gapMs })
  controller.abort()
  await reading
  assert.deepEqual(seen, [1, 2, 3, 4, 5])
}

export const tailCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S07', title: 'a tail beside 16 writers sees every event once, in order, none skipped', run: tailing },
  { id: 'S07', title: 'following: what is there, then what comes, until it is told to stop', run: following },
]
