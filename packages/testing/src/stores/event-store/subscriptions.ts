import assert from 'node:assert/strict'
import {
  type IEventStore,
  type ProcessorState,
  Reject,
  StoredEvents,
  type StoreSubscribeOptions,
  type StoreSubscription,
  streamDeletedType,
} from '@interline/core'
import { range } from '../../contract/events.js'
import { StoreWorker } from '../../crash/store-worker.js'
import { waitFor } from '../../waiting/wait-for.js'
import { numberOf, storedMessage, storedMessages } from '../store-messages.js'
import { collect, type StoreCase, type StoreRoom } from '../store-suite.js'

type Room = StoreRoom<IEventStore>

const quiet = { warn: () => undefined }
const soon = { pollMs: 20, leaseMs: 400 }
const numberIn = (event: object): number => (event as { readonly data: { readonly n: number } }).data.n

/** A subscription that notes the numbers of what it handled; `handle` may throw. */
async function subscribe(
  store: IEventStore,
  options: StoreSubscribeOptions,
  handle: (n: number, attempt: number) => unknown = () => undefined,
): Promise<StoreSubscription & { readonly handled: number[] }> {
  const handled: number[] = []
  const subscription = await new StoredEvents(store, { logger: quiet }).subscribe({ ...soon, ...options }, async (event, { attempt }) => {
    const n = numberIn(event)
    await handle(n, attempt)
    handled.push(n)
  })
  return Object.assign(subscription, { handled })
}

async function catchesUpAndFollows(room: Room): Promise<void> {
  const [store, writer] = [await room.store(), await room.store()]
  for (const n of range(250)) await writer.append(`s-${n % 3}`, [storedMessage(n)])
  const states: ProcessorState['kind'][] = []
  await using all = await subscribe(store, { name: 'all', onState: ({ kind }) => states.push(kind) })
  await waitFor(() => all.state.kind === 'live', { what: 'it to have caught up', limitMs: room.limits.gapMs })
  assert.deepEqual(all.handled, range(250))
  assert.deepEqual(states, ['catching-up', 'live'])
  await using fromNow = await subscribe(store, { name: 'from now', from: 'now' })
  await writer.append('s-1', [storedMessage(250)])
  await store.append('s-2', [storedMessage(251)])
  const progress = (): number => all.handled.length + fromNow.handled.length
  await waitFor(() => progress() === 254, { what: 'what came afterwards', progress, limitMs: room.limits.gapMs })
  assert.deepEqual(all.handled, range(252))
  assert.deepEqual(fromNow.handled, [250, 251])
  await waitFor(async () => (await all.lag()) === 0, { what: 'its checkpoint to be at the end', limitMs: room.limits.gapMs })
  await all.close()
  assert.equal(all.state.kind, 'closed')
  await store.append('s-1', [storedMessage(252)])
  assert.equal(await all.lag(), 1)
  await using again = await subscribe(store, { name: 'all', from: 'now' })
  await waitFor(() => again.handled.length > 0, { what: 'what came while it was closed', limitMs: room.limits.gapMs })
  assert.deepEqual(again.handled, [252], 'it goes on from its checkpoint')
}

async function filters(room: Room): Promise<void> {
  const store = await room.store()
  await store.append('s', [storedMessage(0, { type: 'Wanted' }), ...storedMessages(50)])
  await store.append('t', storedMessages(3))
  await store.deleteStream('t')
  const [, second] = await collect(store.readAll({ limit: 2 }))
  await using wanted = await subscribe(store, { name: 'wanted', types: ['Wanted'] })
  await using since = await subscribe(store, { name: 'since', types: ['Wanted'], from: new Date(Date.now() + 3_600_000) })
  const deletions: string[] = []
  await using gone = await new StoredEvents(store).subscribe(
    { ...soon, name: 'gone', types: [streamDeletedType] },
    (_event, { recorded }) => {
      deletions.push(recorded.stream)
    },
  )
  const passed = async (): Promise<boolean> => (await wanted.lag()) + (await since.lag()) + (await gone.lag()) === 0
  await waitFor(passed, { what: 'what is not wanted to be passed', limitMs: room.limits.gapMs })
  assert.deepEqual([wanted.handled, since.handled, deletions], [[0], [], ['t']])
  await store.append('s', [storedMessage(1), storedMessage(2, { type: 'Wanted' })])
  await waitFor(() => wanted.handled.length + since.handled.length === 3, { what: 'what came', limitMs: room.limits.gapMs })
  assert.deepEqual([wanted.handled, since.handled], [[0, 2], [2]])
  assert.ok(second !== undefined)
}

async function oneAtATime(room: Room): Promise<void> {
  const [first, second] = [await room.store(), await room.store()]
  await first.append(
    's',
    range(40).map((n) => storedMessage(n)),
  )
  let running = 0
  let most = 0
  const work = async (): Promise<void> => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    running--
  }
  const one = await subscribe(first, { name: 'mail' }, work)
  await waitFor(() => one.state.kind !== 'waiting', { what: 'the first to run', limitMs: room.limits.gapMs })
  await using other = await subscribe(second, { name: 'mail' }, work)
  await waitFor(() => one.handled.length === 40, { what: 'the first', progress: () => one.handled.length, limitMs: room.limits.gapMs })
  assert.deepEqual([other.state.kind, other.handled], ['waiting', []])
  await one.close()
  await first.append('s', [storedMessage(40)])
  await waitFor(() => other.handled.length > 0, { what: 'the other to take over', limitMs: room.limits.gapMs })
  assert.deepEqual(other.handled, [40], 'nothing is handled twice where one ends in order')
  assert.equal(most, 1)
}

async function poison(room: Room): Promise<void> {
  const store = await room.store()
  await store.append(
    's',
    range(10).map((n) => storedMessage(n)),
  )
  const attempts: number[] = []
  let broken = true
  const retry = { maxAttempts: 3, backoff: { type: 'fixed', delayMs: 1, jitter: 0 } } as const
  await using subscription = await subscribe(store, { name: 'stops', retry }, (n, attempt) => {
    if (n !== 4 || !broken) return
    attempts.push(attempt)
    throw new Error('This one can not be taken.')
  })
  const stopped = (): boolean => subscription.state.kind === 'stopped'
  await waitFor(stopped, { what: 'it to stop', limitMs: room.limits.gapMs })
  assert.deepEqual(
    [subscription.handled, attempts],
    [
      [0, 1, 2, 3],
      [1, 2, 3],
    ],
  )
  const { state } = subscription
  assert.ok(state.kind === 'stopped' && numberOf(state.event.message) === 4 && state.error.message === 'This one can not be taken.')
  assert.equal(await subscription.lag(), 6, 'its checkpoint is before the event')
  await subscription.resume()
  await waitFor(() => attempts.length === 6 && stopped(), { what: 'it to stop again', limitMs: room.limits.gapMs })
  broken = false
  await subscription.resume()
  await waitFor(() => subscription.handled.length === 10, { what: 'the rest', limitMs: room.limits.gapMs })
  assert.deepEqual(subscription.handled, range(10))
}

async function skipping(room: Room): Promise<void> {
  const store = await room.store()
  await store.append(
    's',
    range(10).map((n) => storedMessage(n)),
  )
  const skipped: number[] = []
  let runs = 0
  const refuse = (n: number): void => {
    if (n === 0 || n === 7) runs++
    if (n === 0 || n === 7) throw new Reject('never')
  }
  await using skips = await subscribe(
    store,
    { name: 'skips', poison: 'skip', onSkipped: ({ message }) => skipped.push(numberOf(message)) },
    refuse,
  )
  await waitFor(() => skips.handled.length === 8, { what: 'the others', limitMs: room.limits.gapMs })
  assert.deepEqual([skips.handled, skipped, runs], [[1, 2, 3, 4, 5, 6, 8, 9], [0, 7], 2])
  await using told = await subscribe(store, { name: 'told' }, refuse)
  for (const passed of [0, 7]) {
    const at = (): boolean => told.state.kind === 'stopped' && numberOf(told.state.event.message) === passed
    await waitFor(at, { what: `it to stop at ${passed}`, limitMs: room.limits.gapMs })
    await told.resume({ skip: true })
  }
  await waitFor(() => told.handled.length === 8, { what: 'the others, again', limitMs: room.limits.gapMs })
  assert.deepEqual(told.handled, skips.handled)
}

async function pausing(room: Room): Promise<void> {
  const [store, elsewhere] = [await room.store(), await room.store()]
  await using paused = await subscribe(store, { name: 'paused' })
  await waitFor(() => paused.state.kind === 'live', { what: 'it to run', limitMs: room.limits.gapMs })
  paused.pause()
  await using other = await subscribe(elsewhere, { name: 'paused' })
  await waitFor(() => paused.state.kind === 'paused', { what: 'it to pause', limitMs: room.limits.gapMs })
  await store.append(
    's',
    range(5).map((n) => storedMessage(n)),
  )
  const later = performance.now() + 2 * soon.leaseMs
  await waitFor(() => performance.now() > later, { what: 'two leases' })
  assert.deepEqual([paused.handled, other.handled, other.state.kind, await paused.lag()], [[], [], 'waiting', 5])
  await paused.resume()
  await waitFor(() => paused.handled.length === 5, { what: 'it to go on', limitMs: room.limits.gapMs })
  assert.deepEqual([paused.handled, other.handled], [range(5), []])
}

async function closing(room: Room): Promise<void> {
  const store = await room.store()
  await store.append(
    's',
    range(5).map((n) => storedMessage(n)),
  )
  let begun = 0
  let finish: () => void = () => undefined
  const subscription = await subscribe(store, { name: 'slow' }, () => {
    begun++
    return new Promise<void>((resolve) => (finish = resolve))
  })
  await waitFor(() => begun === 1, { what: 'the first event', limitMs: room.limits.gapMs })
  const closed = subscription.close()
  finish()
  await closed
  assert.deepEqual([begun, subscription.handled, await subscription.lag()], [1, [0], 4], 'what ran was finished, and nothing begun')
  const stuck = await subscribe(store, { name: 'stuck' }, () => new Promise(() => undefined))
  await waitFor(() => stuck.state.kind === 'catching-up', { what: 'it to begin', limitMs: room.limits.gapMs })
  await stuck.close({ timeoutMs: 20 })
  assert.equal(await stuck.lag(), 5, 'what was not finished is not passed')
}

async function kept(room: Room): Promise<void> {
  const store = await room.retaining({ maxEvents: 1 })
  let open: () => void = () => undefined
  const gate = new Promise<void>((resolve) => (open = resolve))
  await using slow = await subscribe(store, { name: 'slow', batchSize: 4 }, (n) => (n < 4 ? undefined : gate))
  await store.append(
    's',
    range(20).map((n) => storedMessage(n)),
  )
  await waitFor(() => slow.handled.length === 4, { what: 'the first batch', limitMs: room.limits.gapMs })
  await waitFor(async () => (await slow.lag()) === 16, { what: 'its checkpoint', limitMs: room.limits.gapMs })
  await store.applyRetention?.()
  assert.equal((await collect(store.readAll())).length, 16, 'what it has not passed stays')
  open()
  await waitFor(async () => (await slow.lag()) === 0, { what: 'it to be done', limitMs: room.limits.gapMs })
  await store.applyRetention?.()
  assert.equal((await collect(store.readAll())).length, 1)
  assert.deepEqual(slow.handled, range(20))
}

async function ahead(room: Room): Promise<void> {
  const store = await room.store()
  await store.append(
    's',
    range(3).map((n) => storedMessage(n)),
  )
  await store.checkpoints.save('lost', '4711', undefined)
  await using subscription = await subscribe(store, { name: 'lost' })
  await waitFor(() => subscription.state.kind === 'interrupted', { what: 'it to say so', limitMs: room.limits.gapMs })
  const { state } = subscription
  assert.match(state.kind === 'interrupted' ? state.error.message : '', /4711 is ahead of the store/)
  assert.deepEqual([subscription.handled, await store.checkpoints.load('lost')], [[], '4711'], 'nothing is guessed')
  await store.checkpoints.save('lost', '0', '4711')
  await waitFor(() => subscription.handled.length === 3, { what: 'it to go on from where it was put', limitMs: room.limits.gapMs })
}

async function refused(room: Room): Promise<void> {
  const events = new StoredEvents(await room.store())
  const wrong = (options: object): Promise<unknown> => events.subscribe(options as StoreSubscribeOptions, () => undefined)
  await assert.rejects(() => wrong({}), /needs a name/)
  await assert.rejects(() => wrong({ name: '' }), /subscribe.name must be a text that is not empty/)
  await assert.rejects(() => wrong({ name: 'n', from: new Date('never') }), /subscribe.from must be .* a valid Date/)
  await assert.rejects(() => wrong({ name: 'n', form: 'now' }), /Unknown option subscribe.form/)
  await assert.rejects(() => wrong({ name: 'n', retry: { maxAttempts: 0 } }), /maxAttempts/)
  assert.equal(await (await room.store()).checkpoints.load('n'), undefined)
}

async function killed(room: Room): Promise<void> {
  const store = await room.store()
  const processes = room.processes ?? assert.fail('The configuration gives no process that may be killed.')
  const seen: string[][] = []
  const start = (): Promise<StoreWorker> => {
    const handled: string[] = []
    seen.push(handled)
    return StoreWorker.start({ ...processes, name: 'worker', leaseMs: 500 }, (position) => handled.push(position))
  }
  const workers = [await start(), await start()]
  const total = room.count(10_000, 2_000)
  const kills = room.count(10, 3)
  let running = true
  const writing = (async () => {
    for (let n = 0; n < total && running; n += 4) await store.append(`s-${n % 7}`, storedMessages(4))
  })()
  const handled = (): number => seen.reduce((sum, list) => sum + list.length, 0)
  try {
    for (let kill = 0; kill < kills; kill++) {
      const before = handled()
      await waitFor(() => handled() > before + 50, { what: 'events', progress: handled, limitMs: room.limits.gapMs })
      const busiest = seen.reduce((best, list, index) => (list.length > 0 && index >= best ? index : best), 0)
      await workers[busiest]?.kill()
      workers.push(await start())
    }
    await writing
    const all = (await collect(store.readAll())).map(({ position }) => position)
    const last = all.at(-1) ?? assert.fail()
    await waitFor(() => seen.some((list) => list.includes(last)), { what: 'the last event', progress: handled, limitMs: room.limits.gapMs })
    const positions = new Set(seen.flat())
    assert.deepEqual(
      all.filter((position) => !positions.has(position)),
      [],
      'each was handled',
    )
    const place = new Map(all.map((position, index) => [position, index]))
    for (const list of seen) {
      const places = list.map((position) => place.get(position) ?? assert.fail())
      assert.deepEqual(
        places,
        places.map((_, index) => (places[0] ?? 0) + index),
        'in order, and none left out',
      )
    }
    assert.ok(handled() - all.length <= kills * 10, `${handled() - all.length} were handled again: more than a batch for each kill`)
  } finally {
    running = false
    await writing
    for (const worker of workers) await worker.kill()
  }
}

export const subscriptionCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S13', title: 'a subscription catches up, follows, and goes on from its checkpoint', run: catchesUpAndFollows },
  { id: 'S13', title: 'a subscription passes what its filter does not want', run: filters },
  { id: 'S13', title: 'of two subscriptions of one name one runs, and the other takes over', run: oneAtATime },
  { id: 'S13', title: 'a subscription stops at what it can not handle, says so, and goes on when told', run: poison },
  { id: 'S13', title: 'a subscription skips what it can not handle, where it is told to', run: skipping },
  { id: 'S13', title: 'a paused subscription handles nothing, and nobody else does', run: pausing },
  { id: 'S13', title: 'closing a subscription waits for what runs, and not for ever', run: closing },
  { id: 'S11', title: 'retention keeps what a subscription has not passed', run: kept },
  { id: 'S15', title: 'a subscription whose checkpoint is ahead of the store says so, and handles nothing', run: ahead },
  { id: 'S15', title: 'a subscription with wrong options is refused, and leaves no checkpoint', run: refused },
  { id: 'S13-kill', title: 'kill -9 of the process that runs a subscription: another handles everything that is left', run: killed },
]
