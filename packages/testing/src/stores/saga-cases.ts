import assert from 'node:assert/strict'
import type { ClaimedSaga, ISagaStore, SagaChange, SagaRecord } from '@interline/core'
import { range } from '../contract/events.js'
import { waitFor } from '../waiting/wait-for.js'
import type { StoreCase, StoreRoom } from './store-suite.js'

type Room = StoreRoom<ISagaStore>

const long = { leaseMs: 60_000 }
const short = { leaseMs: 150 }
const awkward = 'a "quoted" id: é\u0001{}\\ \u{1f680}'

const change = (more: Partial<SagaChange> = {}): SagaChange => ({ status: 'running', dueAt: 0, body: '{"step":"é\\u0000"}', ...more })

async function created(store: ISagaStore, id: string, more: Partial<SagaChange> = {}, type = 'trip'): Promise<ClaimedSaga> {
  return (await store.create(type, id, change(more), long)) ?? assert.fail(`a new saga ${id} is created`)
}

async function saved(store: ISagaStore, record: SagaRecord, more: Partial<SagaChange> = {}, leaseMs?: number): Promise<SagaRecord> {
  return (await store.save(record, change(more), { leaseMs })) ?? assert.fail('whoever holds it may save')
}

const claimed = (answer: Awaited<ReturnType<ISagaStore['claim']>>): ClaimedSaga =>
  answer === undefined || answer === 'busy' ? assert.fail(`it is claimed, and not ${answer}`) : answer

async function createOnce(room: Room): Promise<void> {
  const [mine, theirs] = [await room.store(), await room.store()]
  const { record, now, lapsed } = await created(mine, awkward, { body: '{"a":"\\u0000 \\ud83d\\ude80"}' })
  assert.equal(record.id, awkward)
  assert.equal(record.body, '{"a":"\\u0000 \\ud83d\\ude80"}')
  assert.equal(lapsed, false)
  assert.ok(Math.abs(now - Date.now()) < 60_000, 'the store tells its time')
  assert.equal(await theirs.create('trip', awkward, change({ body: '2' }), long), undefined, 'there is one already')
  assert.ok((await theirs.create('other', awkward, change(), long)) !== undefined, 'another type is another saga')
  assert.deepEqual(await theirs.load('trip', awkward), record, 'as it was created')
  assert.equal(await theirs.load('trip', 'nobody'), undefined)
}

async function oneAtATime(room: Room): Promise<void> {
  const [mine, theirs] = [await room.store(), await room.store()]
  const { record } = await created(mine, 't-1')
  assert.equal(await theirs.claim('trip', 't-1', long), 'busy')
  assert.equal(await theirs.claim('trip', 'nobody', long), undefined)
  const kept = await saved(mine, record, { dueAt: undefined, body: '2' }, 60_000)
  assert.equal(await theirs.claim('trip', 't-1', long), 'busy', 'a save may keep the lease')
  const given = await saved(mine, kept, { dueAt: undefined, body: '3' })
  assert.equal(given.dueAt, undefined)
  const next = claimed(await theirs.claim('trip', 't-1', long))
  assert.equal(next.record.body, '3')
  assert.equal(next.lapsed, false)
  assert.ok(next.record.revision > given.revision, 'a claim is a new revision')
  assert.equal(await mine.save(given, change({ body: 'stale' }), {}), undefined, 'who lost it writes nothing')
  assert.equal(await mine.renew(given, long), false)
  assert.equal(await theirs.renew(next.record, long), true)
  assert.equal((await mine.load('trip', 't-1'))?.body, '3')
}

async function lapses(room: Room): Promise<void> {
  const store = await room.store()
  const first = (await store.create('trip', 't-1', change(), short)) ?? assert.fail()
  let next: ClaimedSaga | undefined
  await waitFor(
    async () => {
      const { claimed: due } = await store.claimDue(['trip'], { ...long, limit: 10 })
      next = due[0]
      return next !== undefined
    },
    { what: 'the lease to end', limitMs: room.limits.gapMs },
  )
  assert.equal(next?.lapsed, true, 'that its holder let the lease end is told')
  assert.equal(await store.save(first.record, change(), {}), undefined)
}

async function renewed(room: Room): Promise<void> {
  const store = await room.store()
  const { record } = (await store.create('trip', 't-1', change(), short)) ?? assert.fail()
  assert.equal(await store.renew(record, long), true)
  const witness = (await store.create('trip', 't-2', change(), short)) ?? assert.fail()
  await waitFor(async () => (await store.claimDue(['trip'], { ...long, limit: 10 })).claimed.some(({ record: { id } }) => id === 't-2'), {
    what: 'the lease of the other to end',
    limitMs: room.limits.gapMs,
  })
  assert.equal(witness.record.id, 't-2')
  assert.equal(await store.claim('trip', 't-1', long), 'busy', 'a renewed lease lasts')
}

async function dueInTime(room: Room): Promise<void> {
  const store = await room.store()
  for (const [id, dueIn] of [
    ['later', 600_000],
    ['soon', 250],
    ['now', -1_000],
    ['earlier', -2_000],
  ] as const) {
    const { record, now } = await created(store, id)
    await saved(store, record, { dueAt: now + dueIn })
  }
  const { record } = await created(store, 'waits')
  await saved(store, record, { dueAt: undefined })
  const elsewhere = await created(store, 'elsewhere', {}, 'other')
  await saved(store, elsewhere.record)
  const first = await store.claimDue(['trip'], { ...long, limit: 1 })
  assert.deepEqual(
    first.claimed.map(({ record: { id } }) => id),
    ['earlier'],
    'the longest due comes first',
  )
  const second = await store.claimDue(['trip'], { ...long, limit: 10 })
  assert.deepEqual(
    second.claimed.map(({ record: { id } }) => id),
    ['now'],
  )
  assert.ok(second.nextInMs !== undefined && second.nextInMs <= 250, `the next is due within 250 ms, and not ${second.nextInMs}`)
  const asked = performance.now()
  await waitFor(async () => (await store.claimDue(['trip'], { ...long, limit: 10 })).claimed.some(({ record: { id } }) => id === 'soon'), {
    what: 'what is due soon',
    limitMs: room.limits.gapMs,
  })
  assert.ok(performance.now() - asked < 5_000)
  assert.deepEqual((await store.claimDue([], { ...long, limit: 10 })).claimed, [], 'no types, no sagas')
}

async function oneGetsIt(room: Room): Promise<void> {
  const stores = await Promise.all(range(4).map(() => room.store()))
  const [first = assert.fail()] = stores
  const count = room.count(400, 80)
  for (const index of range(count)) await saved(first, (await created(first, `t-${index}`)).record)
  const got: string[] = []
  await Promise.all(
    stores.map(async (store) => {
      for (;;) {
        const { claimed: due } = await store.claimDue(['trip'], { ...long, limit: 7 })
        if (due.length === 0) return
        got.push(...due.map(({ record: { id } }) => id))
      }
    }),
  )
  assert.equal(got.length, count, 'each is claimed once')
  assert.equal(new Set(got).size, count)
  const one = await created(first, 'one')
  await saved(first, one.record)
  const answers = await Promise.all(range(16).map(async (index) => (stores[index % 4] ?? assert.fail()).claim('trip', 'one', long)))
  assert.equal(answers.filter((answer) => answer !== 'busy').length, 1, 'of many that ask at once, one gets it')
}

async function listed(room: Room): Promise<void> {
  const store = await room.store()
  for (const index of range(25)) {
    const { record } = await created(store, `t-${index}`, {}, index % 5 === 0 ? 'other' : 'trip')
    await saved(store, record, { status: index % 2 === 0 ? 'parked' : 'completed', dueAt: undefined })
  }
  assert.equal(await store.count(), 25)
  assert.equal(await store.count({ type: 'trip' }), 20)
  assert.equal(await store.count({ type: 'trip', status: 'parked' }), 10)
  const ids: string[] = []
  for (let after: string | undefined; ; ) {
    const { sagas, next } = await store.list({ status: 'parked' }, { limit: 4, after })
    assert.ok(sagas.length <= 4)
    assert.ok(sagas.every(({ status }) => status === 'parked'))
    ids.push(...sagas.map(({ id }) => id))
    if (next === undefined) break
    after = next
  }
  assert.deepEqual(
    ids,
    range(25)
      .filter((index) => index % 2 === 0)
      .map((index) => `t-${index}`),
    'oldest first, each once',
  )
  assert.equal((await store.list()).sagas.length, 25)
}

async function removed(room: Room): Promise<void> {
  const store = await room.store()
  for (const [id, status] of [
    ['done', 'completed'],
    ['undone', 'compensated'],
    ['stuck', 'parked'],
    ['going', 'running'],
  ] as const) {
    await saved(store, (await created(store, id)).record, { status, dueAt: undefined })
  }
  assert.equal(await store.removeEnded(new Date(Date.now() - 3_600_000)), 0, 'what ended just now stays')
  assert.equal(await store.removeEnded(new Date(Date.now() + 3_600_000)), 2)
  assert.deepEqual(
    (await store.list()).sagas.map(({ id }) => id),
    ['stuck', 'going'],
  )
  assert.equal(await store.count({ status: 'completed' }), 0)
  assert.ok((await store.create('trip', 'done', change(), long)) !== undefined, 'its id is free again')
}

export const sagaCases: readonly StoreCase<ISagaStore>[] = [
  { id: 'G11', title: 'a saga is created once, and read as it was written', run: createOnce },
  { id: 'G12', title: 'one holder at a time: who lost it writes nothing', run: oneAtATime },
  { id: 'G13', title: 'a lease that is not renewed ends, and the next holder is told', run: lapses },
  { id: 'G14', title: 'a lease that is renewed lasts', run: renewed },
  { id: 'G15', title: 'what is due is found in time, the longest due first, and nothing else', run: dueInTime },
  { id: 'G16', title: 'of many processes, one gets each saga', run: oneGetsIt },
  { id: 'G17', title: 'listed by type and status, page by page', run: listed },
  { id: 'G18', title: 'only what ended is removed', run: removed },
]
