import assert from 'node:assert/strict'
import type { ILeaseStore } from '@interline/core'
import { range } from '../contract/events.js'
import { waitFor } from '../waiting/wait-for.js'
import type { StoreCase, StoreRoom } from './store-suite.js'

type Room = StoreRoom<ILeaseStore>

const long = { durationMs: 60_000 }
const short = { durationMs: 150 }

async function oneHolder(room: Room): Promise<void> {
  const [mine, theirs] = [await room.store(), await room.store()]
  const lease = (await mine.acquire('job', 'a', long)) ?? assert.fail('a free lease is given')
  assert.equal(lease.name, 'job')
  assert.equal(lease.owner, 'a')
  assert.equal(await theirs.acquire('job', 'b', long), undefined, 'somebody else holds it')
  assert.ok((await theirs.acquire('another', 'b', long)) !== undefined, 'another name is another lease')
  assert.equal(await mine.renew(lease, long), true)
  await mine.release(lease)
  const next = (await theirs.acquire('job', 'b', long)) ?? assert.fail('a released lease is given')
  assert.ok(next.token > lease.token, 'the token grows with every owner')
  assert.equal(await mine.renew(lease, long), false, 'the old one is lost')
  await mine.release(lease)
  assert.equal(await mine.acquire('job', 'c', long), undefined, 'an old lease releases nothing')
}

async function lapses(room: Room): Promise<void> {
  const store = await room.store()
  const lease = (await store.acquire('job', 'a', short)) ?? assert.fail()
  let next: Awaited<ReturnType<ILeaseStore['acquire']>>
  await waitFor(async () => (next = await store.acquire('job', 'b', long)) !== undefined, {
    what: 'the end of a lease',
    limitMs: room.limits.gapMs,
  })
  assert.ok((next?.token ?? 0) > lease.token)
  assert.equal(await store.renew(lease, long), false)
}

async function oneWins(room: Room): Promise<void> {
  const stores = await Promise.all(range(4).map(() => room.store()))
  for (const round of range(20)) {
    const leases = await Promise.all(
      range(16).map(async (index) => (stores[index % 4] ?? assert.fail()).acquire(`job-${round}`, `owner-${index}`, long)),
    )
    assert.equal(leases.filter((lease) => lease !== undefined).length, 1)
  }
}

export const leaseCases: readonly StoreCase<ILeaseStore>[] = [
  { id: 'L01', title: 'one holder at a time, and a token that grows with every owner', run: oneHolder },
  { id: 'L02', title: 'a lease that is not renewed ends, and its holder is told', run: lapses },
  { id: 'L03', title: 'of many that ask at the same time, one gets it', run: oneWins },
]
