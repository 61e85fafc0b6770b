import assert from 'node:assert/strict'
import { inboxEntry } from '@interline/core'
import type { ProcessOptions } from '../contract/broker-options.js'
import { range } from '../contract/events.js'
import type { StoreCase, StoreRoom } from '../stores/store-suite.js'
import { Gate, waitFor } from '../waiting/wait-for.js'
import { type HandlerOrders, HandlerProcess, type HandlerStep, handlerSteps } from './handler-process.js'
import type { TestedInbox } from './tested-inbox.js'

type Room = StoreRoom<TestedInbox>

export function entry(n: number, consumer = 'mails'): ReturnType<typeof inboxEntry> {
  return inboxEntry(consumer, 'Thing', { source: 'suite', eventId: `event-${n}`, idempotencyKey: undefined })
}

async function counts({ effects }: TestedInbox): Promise<ReadonlyMap<number, number>> {
  const found = new Map<number, number>()
  for (const n of await effects()) found.set(n, (found.get(n) ?? 0) + 1)
  return found
}

/** O04 */
function killed({ module, args = [] }: ProcessOptions): (room: Room) => Promise<void> {
  return async (room) => {
    const rounds = room.count(8, 2)
    const total = room.count(400, 60)
    const store = await room.store()
    const left = new Set(range(total))
    const orders = { module: module.toString(), args, namespace: room.namespace }
    const run = async (kills: readonly HandlerOrders['kill'][]): Promise<void> => {
      // What was not acknowledged, in any order, and some of the rest once more.
      const again = range(total).filter((n) => !left.has(n) && Math.random() < 0.1)
      const [first, ...rest] = left
      const numbers = [...(first === undefined ? [] : [first]), ...[...rest, ...again].sort(() => Math.random() - 0.5)]
      const workers = kills.map((kill) => new HandlerProcess({ ...orders, numbers, kill }, (n) => left.delete(n)))
      const steps = await Promise.all(workers.map(({ ended }) => ended))
      assert.deepEqual(
        steps,
        kills.map((kill) => kill?.step),
        'each process died where it was to',
      )
    }
    const duplicateTo = (step: HandlerStep): boolean => step === 'begun' || step === 'committed'
    for (const round of range(rounds)) {
      // A step inside of the transaction is reached only with an event that is new: the first one.
      for (const step of handlerSteps) await run([{ step, index: duplicateTo(step) ? round % 3 : 0 }])
    }
    while (left.size > 0) await run([undefined, undefined])
    const found = await counts(store)
    assert.deepEqual(
      [...found.keys()].sort((a, b) => a - b),
      range(total),
      'every effect is there',
    )
    assert.deepEqual(
      [...found.values()].filter((times) => times !== 1),
      [],
      'and once',
    )
  }
}

async function once(room: Room): Promise<void> {
  const store = await room.store()
  const { inbox } = store
  assert.equal(await inbox.handleOnce(entry(1), (transaction) => store.effect(transaction, 1)), 'handled')
  assert.equal(await inbox.handleOnce(entry(1), () => assert.fail('run twice')), 'duplicate')
  assert.equal(
    await inbox.handleOnce(entry(1, 'bills'), (transaction) => store.effect(transaction, 1)),
    'handled',
    'each consumer for itself',
  )
  const keyed = (eventId: string, type: string): ReturnType<typeof inboxEntry> =>
    inboxEntry('mails', type, { source: 's', eventId, idempotencyKey: 'k' })
  assert.equal(await inbox.handleOnce(keyed('a', 'One'), () => undefined), 'handled')
  assert.equal(await inbox.handleOnce(keyed('b', 'One'), () => assert.fail('run twice')), 'duplicate', 'by the idempotency key')
  assert.equal(await inbox.handleOnce(keyed('b', 'Two'), () => undefined), 'handled', 'which belongs to the type')
  assert.equal((await counts(store)).get(1), 2)
}

async function failed(room: Room): Promise<void> {
  const store = await room.store()
  const wrong = new Error('not now')
  const fails = store.inbox.handleOnce(entry(1), async (transaction) => {
    await store.effect(transaction, 1)
    throw wrong
  })
  await assert.rejects(fails, (error) => error === wrong)
  assert.equal((await counts(store)).size, 0, 'the effect is rolled back')
  const gone = new AbortController()
  const givenUp = store.inbox.handleOnce(
    entry(1),
    async (transaction) => {
      await store.effect(transaction, 1)
      gone.abort(new Error('given to somebody else'))
    },
    { signal: gone.signal },
  )
  await assert.rejects(givenUp, /given to somebody else/)
  assert.equal((await counts(store)).size, 0, 'what was given up is not committed')
  assert.equal(
    await store.inbox.handleOnce(entry(1), (transaction) => store.effect(transaction, 1)),
    'handled',
    'and it can be handled again',
  )
}

async function atOnce(room: Room): Promise<void> {
  const stores = await Promise.all(range(2).map(() => room.store()))
  const [mine, theirs] = stores as [TestedInbox, TestedInbox]
  const gate = new Gate()
  let inside = false
  const first = mine.inbox.handleOnce(entry(1), async (transaction) => {
    inside = true
    await gate.opened
    await mine.effect(transaction, 1)
  })
  await waitFor(() => inside, { what: 'the first one to be at work' })
  // More than there are connections: waiting must not hold one.
  const others = range(20).map(() => theirs.inbox.handleOnce(entry(1), () => assert.fail('run twice')))
  assert.equal(await theirs.inbox.handleOnce(entry(2), (transaction) => theirs.effect(transaction, 2)), 'handled', 'others go on meanwhile')
  gate.open()
  assert.equal(await first, 'handled')
  assert.deepEqual(
    await Promise.all(others),
    range(20).map(() => 'duplicate'),
  )
  assert.deepEqual([...(await counts(mine))].sort(), [
    [1, 1],
    [2, 1],
  ])
}

async function takenOver(room: Room): Promise<void> {
  const store = await room.store()
  const gate = new Gate()
  let inside = false
  const first = store.inbox.handleOnce(entry(1), async () => {
    inside = true
    await gate.opened
    throw new Error('in the end not')
  })
  await waitFor(() => inside, { what: 'the first one to be at work' })
  const second = store.inbox.handleOnce(entry(1), (transaction) => store.effect(transaction, 1))
  gate.open()
  await assert.rejects(first, /in the end not/)
  assert.equal(await second, 'handled', 'who waited does what the first one did not')
  assert.equal((await counts(store)).get(1), 1)
}

export function inboxCases(processes: ProcessOptions | undefined): readonly StoreCase<TestedInbox>[] {
  const kill = async (): Promise<void> => assert.fail('The configuration does not say how a process makes the inbox.')
  return [
    { id: 'N01', title: 'an entry is handled once for each consumer', run: once },
    { id: 'N02', title: 'what failed, or was given up, has not happened', run: failed },
    { id: 'N03', title: 'duplicates at the same time wait without holding a connection', run: atOnce },
    { id: 'N04', title: 'who waits takes over from one that fails', run: takenOver },
    { id: 'O04', title: 'effects are there once, with kills between every step', run: processes === undefined ? kill : killed(processes) },
  ]
}
