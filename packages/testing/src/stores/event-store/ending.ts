import assert from 'node:assert/strict'
import { ClosedError, type IEventStore } from '@interline/core'
import { range } from '../../contract/events.js'
import { waitFor } from '../../waiting/wait-for.js'
import { idsOf, storedMessages } from '../store-messages.js'
import { collect, type StoreCase, type StoreRoom } from '../store-suite.js'

type Room = StoreRoom<IEventStore>

async function killedServer(room: Room): Promise<void> {
  const { server, store } = await room.onServer()
  assert.equal(store.capabilities.durable, true)
  const acknowledged: (readonly (string | undefined)[])[] = []
  const rejected: (readonly (string | undefined)[])[] = []
  const limitMs = room.limits.gapMs
  let stopped = false
  const writers = range(8).map(async (writer) => {
    while (!stopped) {
      const batch = storedMessages(3)
      const kept = await Promise.resolve(store.append(`s-${writer}`, batch)).then(
        () => acknowledged,
        () => rejected,
      )
      kept.push(idsOf(batch))
    }
  })
  try {
    for (const appends of [100, 200]) {
      await waitFor(() => acknowledged.length > appends, { what: 'appends', progress: () => acknowledged.length, limitMs })
      await server.kill()
      await waitFor(() => rejected.length > appends / 25, { what: 'rejections', progress: () => rejected.length, limitMs })
      await server.start()
    }
    const enough = acknowledged.length + 50
    await waitFor(() => acknowledged.length > enough, { what: 'appends after the restart', progress: () => acknowledged.length, limitMs })
  } finally {
    stopped = true
    await Promise.all(writers)
  }
  const read = await collect(store.readAll())
  const kept = new Set(idsOf(read))
  assert.equal(kept.size, read.length, 'nothing is there twice')
  assert.deepEqual(
    acknowledged.flat().filter((id) => !kept.has(id)),
    [],
    'what was acknowledged is there',
  )
  assert.deepEqual(
    rejected.filter((ids) => new Set(ids.map((id) => kept.has(id))).size !== 1),
    [],
    'what was rejected is wholly there or wholly not',
  )
  for (const writer of range(8)) {
    const versions = (await collect(store.readStream(`s-${writer}`))).map(({ version }) => version)
    assert.deepEqual(
      versions,
      versions.map((_, index) => index + 1),
    )
  }
}

async function closed(room: Room): Promise<void> {
  const store = await room.store()
  const appended = Promise.resolve(store.append('s', storedMessages(100)))
  const closing = store.close()
  await assert.rejects(async () => store.append('t', storedMessages(1)), ClosedError)
  assert.equal(store.close(), closing, 'it closes once')
  await closing
  assert.equal((await appended).version, 100, 'what was under way finishes')
  await assert.rejects(async () => store.append('s', storedMessages(1)), ClosedError)
  await assert.rejects(() => collect(store.readAll()), ClosedError)
  await assert.rejects(() => collect(store.readStream('s')), ClosedError)
  await assert.rejects(async () => store.deleteStream('s'), ClosedError)
  assert.equal((await store.health()).status, 'fail')
}

async function aborted(room: Room): Promise<void> {
  const store = await room.store()
  await store.append('s', storedMessages(300))
  const head = await store.head()
  const reason = new Error('enough')
  const isReason = (error: unknown): boolean => error === reason
  const signal = AbortSignal.abort(reason)
  await assert.rejects(async () => store.append('s', storedMessages(1), { signal }), isReason)
  await assert.rejects(async () => store.deleteStream('s', { signal }), isReason)
  await assert.rejects(() => collect(store.readStream('s', { signal })), isReason)
  await assert.rejects(() => collect(store.readAll({ signal })), isReason)
  const controller = new AbortController()
  await assert.rejects(async () => {
    for await (const { version } of store.readAll({ signal: controller.signal })) if (version === 10) controller.abort(reason)
  }, isReason)
  assert.equal(await store.head(), head, 'nothing was written')
}

export const endingCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S14', title: 'kill -9 of the server: every resolved append is there, a rejected one wholly or not at all', run: killedServer },
  { id: 'S15', title: 'a closed store refuses what comes, closes once, and lets what is under way finish', run: closed },
  { id: 'S15', title: 'an aborted call rejects with the reason of its signal, and writes nothing', run: aborted },
]
