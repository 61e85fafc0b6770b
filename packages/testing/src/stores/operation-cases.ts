import assert from 'node:assert/strict'
import { type Idempotent, type IOperationStore, idempotentOperations } from '@interline/core'
import { range } from '../contract/events.js'
import { Gate, waitFor } from '../waiting/wait-for.js'
import type { StoreCase, StoreRoom } from './store-suite.js'

type Room = StoreRoom<IOperationStore>

/** Longer than a busy machine keeps a process waiting. */
const short = { leaseMs: 1_000 }

async function operations(room: Room): Promise<Idempotent> {
  return idempotentOperations(await room.store(), short)
}

async function firstResult(room: Room): Promise<void> {
  const [mine, theirs] = [await operations(room), await operations(room)]
  let runs = 0
  const work = async (): Promise<object> => ({ number: ++runs, text: 'żółw "\\"', missing: undefined, at: new Date(0) })
  const first = await mine({ operation: 'hold', key: 'k' }, work)
  assert.deepEqual(first, { number: 1, text: 'żółw "\\"', at: '1970-01-01T00:00:00.000Z' }, 'the first caller gets what all others get')
  assert.deepEqual(await mine({ operation: 'hold', key: 'k' }, work), first)
  assert.deepEqual(await theirs({ operation: 'hold', key: 'k' }, work), first, 'also in another process')
  assert.equal(runs, 1)
  assert.deepEqual(await theirs({ operation: 'settle', key: 'k' }, work), { ...first, number: 2 }, 'the key belongs to the operation')
  assert.equal(await mine({ operation: 'nothing', key: 'k' }, () => undefined), undefined)
  assert.equal(await theirs({ operation: 'nothing', key: 'k' }, () => assert.fail('run twice')), undefined)
}

async function failures(room: Room): Promise<void> {
  const idempotent = await operations(room)
  const wrong = new TypeError('not now')
  const fail = (): never => {
    throw wrong
  }
  await assert.rejects(idempotent({ operation: 'hold', key: 'k' }, fail), (error) => error === wrong)
  assert.equal(await idempotent({ operation: 'hold', key: 'k' }, () => 'done'), 'done', 'a failure is not remembered')
  const asked = { operation: 'pay', key: 'k', rememberFailures: (error: Error) => error instanceof TypeError }
  await assert.rejects(idempotent(asked, fail), (error) => error === wrong)
  await assert.rejects(
    idempotent(asked, () => assert.fail('run twice')),
    { code: 'INTERLINE_OPERATION_FAILED', failure: 'TypeError', message: /not now/ },
    'unless that is asked for',
  )
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  await assert.rejects(
    idempotent({ operation: 'loop', key: 'k' }, () => cyclic),
    { code: 'INTERLINE_ENCODE' },
  )
  await assert.rejects(
    idempotent({ operation: 'loop', key: 'k' }, () => assert.fail('run twice')),
    /was done, and its result can't be kept/,
  )
}

async function atOnce(room: Room): Promise<void> {
  const all = await Promise.all(range(4).map(() => operations(room)))
  for (const round of range(5)) {
    let runs = 0
    const results = await Promise.all(
      range(12).map((index) =>
        (all[index % 4] ?? assert.fail())({ operation: 'hold', key: `k-${round}` }, async () => {
          runs++
          // Longer than the lease, which is renewed meanwhile.
          await new Promise((resolve) => setTimeout(resolve, round === 0 ? 2 * short.leaseMs : 5))
          return runs
        }),
      ),
    )
    assert.equal(runs, 1, 'of many at once, one runs')
    assert.deepEqual(
      results,
      range(12).map(() => 1),
      'and all get its result',
    )
  }
}

async function firstDies(room: Room): Promise<void> {
  const store = await room.store()
  const idempotent = await operations(room)
  const claim = { owner: 'dead', fingerprint: '', ...short }
  const began = performance.now()
  assert.deepEqual(await store.begin('hold\nk', claim), { kind: 'begun' })
  assert.deepEqual(await store.begin('hold\nk', { ...claim, owner: 'other' }), { kind: 'busy' })
  assert.equal(await idempotent({ operation: 'hold', key: 'k' }, () => 'by the second'), 'by the second')
  assert.ok(performance.now() - began > 0.9 * short.leaseMs, 'after the lease of the first, not before')
  assert.equal(await store.complete('hold\nk', { owner: 'dead', outcome: '{}', ttlMs: 1_000 }), false, 'who comes too late keeps nothing')
  assert.equal(await store.renew('hold\nk', claim), false)
  await store.release('hold\nk', 'dead')
  assert.equal(await idempotent({ operation: 'hold', key: 'k' }, () => assert.fail('run twice')), 'by the second')
}

async function otherRequest(room: Room): Promise<void> {
  const idempotent = await operations(room)
  const request = { amount: 100, to: { id: 'w-1', kind: 'user' } }
  await idempotent({ operation: 'hold', key: 'k', request }, () => 1)
  assert.equal(await idempotent({ operation: 'hold', key: 'k', request: { to: { kind: 'user', id: 'w-1' }, amount: 100 } }, () => 2), 1)
  await assert.rejects(
    idempotent({ operation: 'hold', key: 'k', request: { ...request, amount: 101 } }, () => 3),
    {
      code: 'INTERLINE_IDEMPOTENCY_CONFLICT',
    },
  )
}

async function forgets(room: Room): Promise<void> {
  const idempotent = await operations(room)
  const options = { operation: 'hold', key: 'k', ttlMs: 150 }
  assert.equal(await idempotent(options, () => 1), 1)
  await waitFor(async () => (await idempotent(options, () => 2)) === 2, {
    what: 'the first result to be forgotten',
    limitMs: room.limits.gapMs,
  })
}

async function aborts(room: Room): Promise<void> {
  const idempotent = await operations(room)
  const gate = new Gate()
  const first = idempotent({ operation: 'hold', key: 'k' }, () => gate.opened.then(() => 1))
  const caller = new AbortController()
  const second = idempotent({ operation: 'hold', key: 'k', signal: caller.signal }, () => 2)
  caller.abort(new Error('no longer wanted'))
  await assert.rejects(second, /no longer wanted/)
  gate.open()
  assert.equal(await first, 1)
  await assert.rejects(
    idempotent({ operation: '', key: 'k' }, () => 1),
    { code: 'INTERLINE_CONFIGURATION' },
  )
  await assert.rejects(
    idempotent({ operation: 'x', key: 'k', ttlMs: Number.NaN }, () => 1),
    { code: 'INTERLINE_CONFIGURATION' },
  )
}

export const operationCases: readonly StoreCase<IOperationStore>[] = [
  { id: 'P01', title: 'the first result is given again, scoped by operation', run: firstResult },
  { id: 'P02', title: 'a failure is not remembered unless asked', run: failures },
  { id: 'P03', title: 'of many at once one runs, however long', run: atOnce },
  { id: 'P04', title: 'when the first dies another runs, and the first keeps nothing', run: firstDies },
  { id: 'P05', title: 'another request under the same key is refused', run: otherRequest },
  { id: 'P06', title: 'a result is forgotten after its time', run: forgets },
  { id: 'P07', title: 'who no longer wants it need not wait, and bad input is refused', run: aborts },
]
