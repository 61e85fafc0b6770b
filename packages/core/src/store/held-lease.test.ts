import { VirtualClock } from '@interline/testing'
import { expect, test } from 'vitest'
import type { ILeaseStore } from '../ports/lease-store.js'
import { HeldLease } from './held-lease.js'

function held(renew: ILeaseStore['renew']) {
  const clock = new VirtualClock()
  let token = 0
  const leases: ILeaseStore = {
    acquire: (name, owner) => ({ name, owner, token: ++token }),
    renew,
    release: () => undefined,
  }
  return { clock, lease: new HeldLease({ leases, name: 'l', owner: 'o', durationMs: 1_000, clock }) }
}

test('a lease whose renewal is not answered is given up before it ends for the others', async () => {
  const { clock, lease } = held(() => new Promise(() => undefined))
  expect(await lease.hold()).toBe(true)
  const { lost } = lease
  await clock.advance(899)
  expect(lost.aborted).toBe(false)
  await clock.advance(1)
  expect(lost.aborted).toBe(true)
  expect(await lease.hold()).toBe(true)
  expect([lease.token, lease.lost.aborted]).toEqual([2, false])
})

test('a lease that is renewed stays, and one that was released is renewed no more', async () => {
  let renewals = 0
  const { clock, lease } = held(() => ++renewals > 0)
  await lease.hold()
  await clock.advance(10_000)
  expect([lease.lost.aborted, lease.token]).toEqual([false, 1])
  await lease.release()
  const before = renewals
  expect([lease.lost.aborted, clock.pending]).toEqual([true, 0])
  await clock.advance(10_000)
  expect(renewals).toBe(before)
})

test('a lease that another has is lost at once; one of which nothing is heard, as late as it may be', async () => {
  const answers: (() => boolean)[] = [
    () => true,
    () => {
      throw new Error('down')
    },
  ]
  let at = 0
  const { clock, lease } = held(() => (answers[Math.min(at++, answers.length - 1)] as () => boolean)())
  await lease.hold()
  // Renewed after a third of it, and never again.
  await clock.advance(1_232)
  expect(lease.lost.aborted).toBe(false)
  await clock.advance(2)
  expect(lease.lost.aborted).toBe(true)
  answers.push(() => false)
  at = 2
  await lease.hold()
  await clock.advance(334)
  expect(lease.lost.aborted).toBe(true)
})
