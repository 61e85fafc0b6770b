import assert from 'node:assert/strict'
import type { Claim, IIdempotencyStore } from '@interline/core'
import { range } from '../contract/events.js'
import { waitFor } from '../waiting/wait-for.js'
import type { StoreCase, StoreRoom } from './store-suite.js'

type Room = StoreRoom<IIdempotencyStore>

const lease = { leaseMs: 60_000 }
const shortLease = { leaseMs: 150 }
const ttl = { ttlMs: 60_000 }

function claim(key: string, owner: string): Claim {
  return { key, owner }
}

async function claimThenDone(room: Room): Promise<void> {
  const [mine, theirs] = [await room.store(), await room.store()]
  const [a, b] = [claim('key', 'a'), claim('key', 'b')]
  assert.deepEqual(await mine.claim([a], lease), ['claimed'])
  assert.deepEqual(await theirs.claim([b], lease), ['busy'])
  assert.deepEqual(await mine.claim([a], lease), ['claimed'], 'a redelivery takes over its own claim')
  await mine.complete([a], ttl)
  assert.deepEqual(await theirs.claim([b], lease), ['done'])
  assert.deepEqual(await mine.claim([a], lease), ['done'])
}

async function released(room: Room): Promise<void> {
  const store = await room.store()
  const [a, b] = [claim('key', 'a'), claim('key', 'b')]
  await store.claim([a], lease)
  await store.release([b])
  assert.deepEqual(await store.claim([b], lease), ['busy'], 'only its owner can release a claim')
  await store.release([a])
  assert.deepEqual(await store.claim([b], lease), ['claimed'], 'the next owner may claim at once')
}

async function manyAtOnce(room: Room): Promise<void> {
  const store = await room.store()
  await store.claim([claim('done', 'x'), claim('busy', 'x')], lease)
  await store.complete([claim('done', 'x')], ttl)
  const answers = await store.claim(
    ['new', 'done', 'busy', 'newer'].map((key) => claim(key, 'a')),
    lease,
  )
  assert.deepEqual(answers, ['claimed', 'done', 'busy', 'claimed'], 'each claim has its own answer, in turn')
  assert.deepEqual(await store.claim([], lease), [])
  assert.ok((await store.size()) >= 1)
}

async function oneWins(room: Room): Promise<void> {
  const stores = await Promise.all(range(4).map(() => room.store()))
  for (const round of range(20)) {
    const answers = await Promise.all(
      range(16).map(
        async (index) => (await (stores[index % 4] ?? assert.fail()).claim([claim(`key-${round}`, `owner-${index}`)], lease))[0],
      ),
    )
    assert.equal(answers.filter((answer) => answer === 'claimed').length, 1, 'of many at once, one may run')
  }
}

async function leasesEnd(room: Room): Promise<void> {
  const store = await room.store()
  const [a, b] = [claim('left', 'a'), claim('left', 'b')]
  await store.claim([a], shortLease)
  await waitFor(async () => (await store.claim([b], lease))[0] === 'claimed', { what: 'the end of a lease', limitMs: room.limits.gapMs })
  const renewed = claim('renewed', 'a')
  await store.claim([renewed], shortLease)
  const until = performance.now() + 3 * shortLease.leaseMs
  await waitFor(
    async () => {
      await store.renew([renewed], shortLease)
      assert.deepEqual(await store.claim([claim('renewed', 'b')], lease), ['busy'], 'a claim that is renewed does not end')
      return performance.now() > until
    },
    { what: 'three leases', limitMs: room.limits.gapMs },
  )
}

async function forgets(room: Room): Promise<void> {
  const store = await room.store()
  await store.claim([claim('key', 'a')], lease)
  await store.complete([claim('key', 'a')], { ttlMs: 150 })
  assert.deepEqual(await store.claim([claim('key', 'b')], lease), ['done'])
  await waitFor(async () => (await store.claim([claim('key', 'b')], lease))[0] === 'claimed', {
    what: 'a handled key to be forgotten',
    limitMs: room.limits.gapMs,
  })
}

export const idempotencyCases: readonly StoreCase<IIdempotencyStore>[] = [
  { id: 'I01', title: 'a claim is held against others, and done for all once completed', run: claimThenDone },
  { id: 'I02', title: 'a released claim is free at once, and only for its owner to release', run: released },
  { id: 'I03', title: 'many claims in one call are answered in turn', run: manyAtOnce },
  { id: 'I04', title: 'of many that claim at the same time, one wins', run: oneWins },
  { id: 'I05', title: 'a claim ends with its lease, unless it is renewed', run: leasesEnd },
  { id: 'I06', title: 'a handled key is forgotten after its time', run: forgets },
]
