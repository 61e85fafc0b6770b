import assert from 'node:assert/strict'
import type { IEventStore } from '@interline/core'
import { range } from '../../contract/events.js'
import { waitFor } from '../../waiting/wait-for.js'
import { numberOf, storedMessage } from '../store-messages.js'
import { collect, type StoreCase, type StoreRoom } from '../store-suite.js'

type Room = StoreRoom<IEventStore>

async function checkpoints(room: Room): Promise<void> {
  const [mine, theirs] = [await room.store(), await room.store()]
  assert.equal(await mine.checkpoints.load('reader'), undefined)
  assert.equal(await mine.checkpoints.save('reader', '1', undefined), true)
  assert.equal(await theirs.checkpoints.save('reader', '2', undefined), false, 'it is there already')
  assert.equal(await theirs.checkpoints.save('reader', '2', '5'), false, 'it is not where it was expected')
  assert.equal(await theirs.checkpoints.save('reader', '2', '1'), true)
  assert.equal(await mine.checkpoints.load('reader'), '2')
  assert.equal(await mine.checkpoints.load('another'), undefined)
  await mine.checkpoints.remove('reader')
  assert.equal(await theirs.checkpoints.load('reader'), undefined)
}

/** Two processors under one lease; the one that holds it dies, and its work so far is not done again. */
async function oneProcessor(room: Room): Promise<void> {
  const stores = [await room.store(), await room.store()]
  const total = 60
  for (const n of range(total)) await (stores[0] ?? assert.fail()).append('work', [storedMessage(n)])
  const done: number[] = []
  const process = async (store: IEventStore, owner: string, dieAfter: number): Promise<void> => {
    let lease: Awaited<ReturnType<IEventStore['leases']['acquire']>>
    await waitFor(async () => (lease = await store.leases.acquire('processor', owner, { durationMs: 200 })) !== undefined, {
      what: `the lease of ${owner}`,
      limitMs: room.limits.gapMs,
    })
    let after = await store.checkpoints.load('processor')
    for (let handled = 0; ; ) {
      const [event] = await collect(store.readAll({ after, limit: 1 }))
      if (event === undefined) break
      if (handled++ === dieAfter || lease === undefined || !(await store.leases.renew(lease, { durationMs: 200 }))) return
      if (!(await store.checkpoints.save('processor', event.position, after))) return
      done.push(numberOf(event.message))
      after = event.position
    }
    if (lease !== undefined) await store.leases.release(lease)
  }
  await Promise.all(stores.map((store, index) => process(store, `owner-${index}`, index === 0 ? 25 : Number.POSITIVE_INFINITY)))
  for (let owner = 0; done.length < total && owner < 20; owner++)
    await process(stores[1] ?? assert.fail(), `late-${owner}`, Number.POSITIVE_INFINITY)
  assert.deepEqual(done, range(total), 'each once, in order')
}

export const processorCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S13', title: 'checkpoints: compare and set', run: checkpoints },
  { id: 'S13', title: 'two processors under one lease, one dies: nothing is done twice', run: oneProcessor },
]
