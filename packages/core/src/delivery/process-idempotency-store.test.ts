import { VirtualClock } from '@interline/testing'
import { expect, it } from 'vitest'
import { ProcessIdempotencyStore } from './process-idempotency-store.js'

const claimOf = (key: string, owner = 'a') => ({ key, owner })
const leaseMs = 1_000
const ttlMs = 10_000

it('remembers a handled key until its time, also over many others', async () => {
  const clock = new VirtualClock()
  const store = new ProcessIdempotencyStore({ clock })
  store.complete([claimOf('first')], { ttlMs })
  await clock.advance(ttlMs / 2)
  for (let index = 0; index < 1_000; index++) store.complete([claimOf(`other ${index}`)], { ttlMs })
  await clock.advance(ttlMs / 2 - 1)
  expect(store.claim([claimOf('first')], { leaseMs })).toEqual(['done'])
  await clock.advance(1)
  expect(store.claim([claimOf('first'), claimOf('other 0')], { leaseMs })).toEqual(['claimed', 'done'])
})

it('holds at most maxKeys, and never forgets the newer half before its time', () => {
  const store = new ProcessIdempotencyStore({ maxKeys: 100 })
  for (let index = 0; index < 1_000; index++) {
    store.complete([claimOf(`${index}`)], { ttlMs })
    expect(store.size()).toBeLessThanOrEqual(100)
  }
  const newest = Array.from({ length: 50 }, (_, index) => claimOf(`${950 + index}`))
  expect(new Set(store.claim(newest, { leaseMs }))).toEqual(new Set(['done']))
})

it('lets another owner claim only what was released, or when the lease is over', async () => {
  const clock = new VirtualClock()
  const store = new ProcessIdempotencyStore({ clock })
  expect(store.claim([claimOf('k', 'a')], { leaseMs })).toEqual(['claimed'])
  expect(store.claim([claimOf('k', 'b'), claimOf('k', 'a')], { leaseMs })).toEqual(['busy', 'claimed'])
  await clock.advance(leaseMs - 1)
  store.renew([claimOf('k', 'a'), claimOf('k', 'b')], { leaseMs })
  await clock.advance(leaseMs - 1)
  store.release([claimOf('k', 'b')])
  expect(store.claim([claimOf('k', 'b')], { leaseMs })).toEqual(['busy'])
  await clock.advance(1)
  expect(store.claim([claimOf('k', 'b')], { leaseMs })).toEqual(['claimed'])
  store.release([claimOf('k', 'b')])
  expect(store.claim([claimOf('k', 'a')], { leaseMs })).toEqual(['claimed'])
})
