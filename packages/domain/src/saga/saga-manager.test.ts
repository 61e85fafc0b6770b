import { defineEvent, staticSchema } from '@interline/core'
import { MemorySagaStore } from '@interline/memory'
import { testBus, VirtualClock } from '@interline/testing'
import { expect, test } from 'vitest'
import { CommandBus, defineSaga, type Request, Saga, SagaManager } from '../index.js'

interface Trip {
  done: string[]
}
const trip = staticSchema<Trip>()

function later<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  return { promise: new Promise<T>((given) => (resolve = given)), resolve: (value) => resolve(value) }
}

test('does its steps in order, and stores what they make of the state', async () => {
  const store = new MemorySagaStore()
  const Book = defineSaga('Book', {
    state: trip,
    steps: (step) => [
      step('flight', (state) => void state.done.push('flight')),
      step('hotel', (state) => ({ done: [...state.done, 'hotel'] })),
    ],
  })
  await using sagas = new SagaManager({ store }).register(Book)
  await sagas.start()
  await sagas.startSaga(Book, { id: 't-1', state: { done: [] } })
  await sagas.idle()
  const found = await sagas.find<Trip>('Book', 't-1')
  expect(found).toMatchObject({ status: 'completed', state: { done: ['flight', 'hotel'] }, done: ['flight', 'hotel'], reason: undefined })
  expect(found?.history.map(({ what, name }) => `${what} ${name ?? ''}`)).toEqual(['began ', 'did flight', 'did hotel', 'completed '])
})

test.each([0, 1, 2, 3])('undoes what it did in reverse, once each, when step %i fails', async (failing) => {
  const store = new MemorySagaStore()
  const calls: string[] = []
  const Book = defineSaga('Book', {
    state: trip,
    steps: (step) =>
      Array.from({ length: 4 }, (_, index) =>
        step(
          `s${index}`,
          () => {
            calls.push(`do ${index}`)
            if (index === failing) throw new Error('no room')
          },
          () => void calls.push(`undo ${index}`),
        ),
      ),
  })
  await using sagas = new SagaManager({ store }).register(Book)
  await sagas.start()
  await sagas.startSaga(Book, { id: 't-1', state: { done: [] } })
  await sagas.idle()
  const before = Array.from({ length: failing }, (_, index) => index)
  expect(calls).toEqual([...before.map((at) => `do ${at}`), `do ${failing}`, ...before.reverse().map((at) => `undo ${at}`)])
  expect(await sagas.find('Book', 't-1')).toMatchObject({ status: 'compensated', done: [], reason: { message: 'no room' } })
})

test('runs a step that the machinery failed again with backoff, and parks the saga for an operator when that does not help', async () => {
  const clock = new VirtualClock()
  const store = new MemorySagaStore({ clock })
  let broken = true
  let runs = 0
  const Call = defineSaga('Call', {
    state: trip,
    retry: { maxAttempts: 3, backoff: { delayMs: 60_000, jitter: 0 } },
    steps: (step) => [
      step('call', () => {
        runs++
        if (broken) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      }),
    ],
  })
  const parked: string[] = []
  await using sagas = new SagaManager({
    store,
    clock,
    onParked: ({ id, reason }) => void parked.push(`${id}: ${reason?.message}`),
  }).register(Call)
  await sagas.start()
  await sagas.startSaga(Call, { id: 'c-1', state: { done: [] } })
  await sagas.idle()
  expect(runs).toBe(1)
  await clock.advance(59_000)
  expect(runs).toBe(1)
  await clock.advance(200_000)
  await sagas.idle()
  expect(runs).toBe(3)
  expect(parked).toEqual(['c-1: refused'])
  expect((await sagas.list({ status: 'parked' })).sagas.map(({ id }) => id)).toEqual(['c-1'])
  broken = false
  await sagas.resume('Call', 'c-1')
  await sagas.idle()
  expect(await sagas.find('Call', 'c-1')).toMatchObject({ status: 'completed', reason: undefined })
})

test('waits for days, and its timeouts come when nothing else did', async () => {
  await using pay = await testBus({ service: 'pay' })
  const { bus, clock } = pay
  const day = 86_400_000
  const Created = defineEvent('SagaOrderCreated', { schema: staticSchema<{ orderId: string }>() })
  const Paid = defineEvent('SagaPaid', { schema: staticSchema<{ orderId: string }>() })
  const Cancelled = defineEvent('SagaCancelled', { schema: staticSchema<{ orderId: string }>() })
  const Payment = defineSaga('Payment', {
    state: staticSchema<{ orderId: string }>(),
    start: Created,
    correlate: (event) => event.data.orderId,
    on: (when) => [when(Paid, (_state, _event, saga) => saga.complete())],
    timeouts: {
      payBy: {
        afterMs: 3 * day,
        run: async (state, saga) => {
          await saga.publish(Cancelled({ orderId: state.orderId }))
          saga.complete()
        },
      },
    },
  })
  const store = new MemorySagaStore({ clock })
  await using sagas = new SagaManager({ store, bus, clock }).register(Payment)
  const cancelled: string[] = []
  await bus.subscribe(Cancelled, ({ data }) => void cancelled.push(data.orderId), { name: 'watch' })
  await sagas.start()
  await bus.publish(Created({ orderId: 'o-1' }))
  await bus.publish(Created({ orderId: 'o-2' }))
  await pay.idle()
  await sagas.idle()
  expect((await sagas.find('Payment', 'o-1'))?.timers).toHaveLength(1)
  await clock.advance(2 * day)
  await bus.publish(Paid({ orderId: 'o-2' }))
  await pay.idle()
  await sagas.idle()
  expect(await sagas.find('Payment', 'o-2')).toMatchObject({ status: 'completed' })
  expect(cancelled).toEqual([])
  await clock.advance(day)
  await sagas.idle()
  await pay.idle()
  expect(cancelled).toEqual(['o-1'])
  expect(await sagas.find('Payment', 'o-1')).toMatchObject({ status: 'completed', timers: [] })
})

test('a delay between two steps is kept to the millisecond', async () => {
  const clock = new VirtualClock()
  const store = new MemorySagaStore({ clock })
  const at: number[] = []
  const note = (): void => void at.push(clock.now())
  const Cool = defineSaga('Cool', {
    state: trip,
    steps: (step, delay) => [step('first', note), delay('cooling', 3_600_000), step('second', note)],
  })
  await using sagas = new SagaManager({ store, clock }).register(Cool)
  await sagas.start()
  await sagas.startSaga(Cool, { id: 'c', state: { done: [] } })
  await sagas.idle()
  await clock.advance(3_599_999)
  await sagas.idle()
  expect(at).toHaveLength(1)
  await clock.advance(1)
  await sagas.idle()
  expect(at[1]! - at[0]!).toBe(3_600_000)
  expect(await sagas.find('Cool', 'c')).toMatchObject({ status: 'completed' })
})

test('a compensation is told why the saga is undone, and a step has nothing to be told', async () => {
  const told: (string | undefined)[] = []
  const Book = defineSaga('Book', {
    state: trip,
    steps: (step) => [
      step(
        'flight',
        (_state, { reason }) => void told.push(reason?.message),
        (_state, { reason }) => void told.push(reason?.message),
      ),
      step('hotel', () => {
        throw new Error('no room')
      }),
    ],
  })
  await using sagas = new SagaManager({ store: new MemorySagaStore() }).register(Book)
  await sagas.start()
  await sagas.startSaga(Book, { id: 't-1', state: { done: [] } })
  await sagas.idle()
  expect(told).toEqual([undefined, 'no room'])
})

test('a class says its steps, and its data is what a resumed one knows', async () => {
  class ScoringSaga extends Saga<{ scores: number[] }> {
    readonly #undone: string[]
    constructor(id: string, data: { scores: number[] }, undone: string[]) {
      super(id, 'ScoringSaga', data)
      this.#undone = undone
    }
    protected defineSteps(): void {
      this.addStep(
        'Score',
        async () => void this.data.scores.push(1),
        async () => void this.#undone.push('Score'),
      )
      this.addStep('Check', async () => {
        if (this.data.scores.length > 2) throw new Error('too many')
        this.data = { scores: [...this.data.scores, 2] }
      })
    }
  }
  const undone: string[] = []
  await using sagas = new SagaManager({ store: new MemorySagaStore() })
  sagas.register<{ scores: number[] }>('ScoringSaga', ({ id, data }) => new ScoringSaga(id, data, undone))
  await sagas.start()
  await sagas.startSaga(new ScoringSaga('s-1', { scores: [] }, undone))
  await sagas.startSaga(new ScoringSaga('s-2', { scores: [5, 5] }, undone))
  await sagas.idle()
  expect(await sagas.find('ScoringSaga', 's-1')).toMatchObject({ status: 'completed', state: { scores: [1, 2] } })
  expect(await sagas.find('ScoringSaga', 's-2')).toMatchObject({ status: 'compensated', reason: { message: 'too many' } })
  expect(undone).toEqual(['Score'])
})

test('who lost its lease in the middle of a step writes nothing, and is told by its signal', async () => {
  const clock = new VirtualClock()
  const store = new MemorySagaStore({ clock })
  const slow = later<AbortSignal>()
  const told = later<void>()
  const ran: string[] = []
  const Slow = (name: string) =>
    defineSaga('Slow', {
      state: trip,
      steps: (step) => [
        step('only', async (state, { signal }) => {
          ran.push(name)
          if (name === 'first') {
            slow.resolve(signal)
            await told.promise
          }
          return { done: [...state.done, name] }
        }),
      ],
    })
  // The first one can't extend its lease: its way to the store is cut.
  const cut = new Proxy(store, {
    get: (target, name) => {
      const isCut = name === 'renew' || name === 'claimDue'
      const value: unknown = isCut ? () => Promise.reject(new Error('cut off')) : Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  await using first = new SagaManager({ store: cut, clock, leaseMs: 1_000, logger: { warn: () => undefined } }).register(Slow('first'))
  await first.start()
  await first.startSaga(Slow('first'), { id: 's-1', state: { done: [] } })
  await slow.promise
  await using second = new SagaManager({ store, clock, leaseMs: 1_000 }).register(Slow('second'))
  await second.start()
  await clock.advance(2_000)
  await second.idle()
  expect(await second.find('Slow', 's-1')).toMatchObject({ status: 'completed', state: { done: ['second'] } })
  told.resolve()
  await first.close()
  expect(ran).toEqual(['first', 'second'])
  expect(await second.find('Slow', 's-1')).toMatchObject({ state: { done: ['second'] } })
})

test('what it publishes goes out under the same id when the broker was away, and not before the state is stored', async () => {
  await using shop = await testBus({ service: 'shop' })
  const { clock } = shop
  const Shipped = defineEvent('SagaShipped', { schema: staticSchema<{ id: string }>() })
  let away = true
  const seen: string[] = []
  const bus = new Proxy(shop.bus, {
    get: (target, name) => {
      const value: unknown =
        name === 'publish'
          ? async (event: { readonly eventId: string }, options: object) => {
              seen.push(event.eventId)
              if (away) throw Object.assign(new Error('the broker is away'), { retryable: true })
              await target.publish(event, options)
            }
          : Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const Ship = defineSaga('Ship', {
    state: trip,
    steps: (step) => [step('ship', async (_, saga) => saga.publish(Shipped({ id: saga.id })))],
  })
  const store = new MemorySagaStore({ clock })
  await using sagas = new SagaManager({ store, bus, clock, logger: { warn: () => undefined } }).register(Ship)
  await sagas.start()
  await sagas.startSaga(Ship, { id: 's-1', state: { done: [] } })
  await sagas.idle()
  expect((await sagas.find('Ship', 's-1'))?.done).toEqual(['ship'])
  away = false
  await clock.advance(5_000)
  await sagas.idle()
  expect(await sagas.find('Ship', 's-1')).toMatchObject({ status: 'completed' })
  expect(seen.length).toBeGreaterThanOrEqual(2)
  expect(new Set(seen).size).toBe(1)
  expect(shop.published).toHaveLength(1)
})

test('a saga that this deployment does not understand is parked with the reason, and goes on when it does', async () => {
  const store = new MemorySagaStore()
  const Old = defineSaga('Deployed', {
    state: trip,
    steps: (step, delay) => [step('a', () => undefined), delay('wait', 60_000), step('b', () => undefined)],
  })
  await using before = new SagaManager({ store }).register(Old)
  await before.start()
  await before.startSaga(Old, { id: 'd-1', state: { done: [] } })
  await before.idle()
  await before.close()
  const record = store.load('Deployed', 'd-1')!
  const claimed = store.claim('Deployed', 'd-1', { leaseMs: 1_000 })
  if (claimed === undefined || claimed === 'busy') return expect.fail()
  store.save(claimed.record, { ...record, dueAt: 0 }, {})
  const Renamed = defineSaga('Deployed', { state: trip, steps: (step) => [step('renamed', () => undefined), step('b', () => undefined)] })
  const parked: string[] = []
  await using after = new SagaManager({ store, onParked: ({ reason }) => void parked.push(reason?.message ?? '') }).register(Renamed)
  await after.start()
  await after.idle()
  expect(parked).toEqual([expect.stringContaining('stored steps a are not those of version 1')])
  await after.close()
  await using again = new SagaManager({ store }).register(
    defineSaga('Deployed', { state: trip, steps: (step) => [step('a', () => undefined), step('b', () => undefined)] }),
  )
  await again.start()
  await again.resume('Deployed', 'd-1')
  await again.idle()
  expect(await again.find('Deployed', 'd-1')).toMatchObject({ status: 'completed', done: ['a', 'b'] })
})

test('a compensation that fails is tried again, then parked, and an operator can have it go on', async () => {
  const clock = new VirtualClock()
  const store = new MemorySagaStore({ clock })
  let broken = true
  const Undo = defineSaga('Undo', {
    state: trip,
    retry: { maxAttempts: 2, backoff: { delayMs: 10, jitter: 0 } },
    steps: (step) => [
      step(
        'a',
        () => undefined,
        () => {
          if (broken) throw new Error('cannot refund')
        },
      ),
      step('b', () => {
        throw new Error('no')
      }),
    ],
  })
  await using sagas = new SagaManager({ store, clock, onParked: () => undefined }).register(Undo)
  await sagas.start()
  await sagas.startSaga(Undo, { id: 'u-1', state: { done: [] } })
  await clock.advance(100)
  await sagas.idle()
  expect(await sagas.find('Undo', 'u-1')).toMatchObject({ status: 'parked', done: ['a'], reason: { message: 'cannot refund' } })
  broken = false
  await sagas.resume('Undo', 'u-1')
  await sagas.idle()
  expect(await sagas.find('Undo', 'u-1')).toMatchObject({ status: 'compensated', done: [] })
})

test('an operator cancels: what was done is undone, and what ended cannot be cancelled', async () => {
  const store = new MemorySagaStore()
  const undone: string[] = []
  const Wait = defineSaga('Wait', {
    state: trip,
    steps: (step, delay) => [
      step(
        'a',
        () => undefined,
        () => void undone.push('a'),
      ),
      delay('long', 86_400_000),
    ],
  })
  await using sagas = new SagaManager({ store }).register(Wait)
  await sagas.start()
  await sagas.startSaga(Wait, { id: 'w-1', state: { done: [] } })
  await sagas.idle()
  await sagas.cancel('Wait', 'w-1', 'the customer left')
  await sagas.idle()
  expect(undone).toEqual(['a'])
  expect(await sagas.find('Wait', 'w-1')).toMatchObject({ status: 'compensated', reason: { message: 'the customer left' } })
  await expect(sagas.cancel('Wait', 'w-1')).rejects.toThrow("can't be cancelled any more")
  await expect(sagas.cancel('Wait', 'nobody')).rejects.toThrow('There is no saga')
  await expect(sagas.startSaga(Wait, { id: 'w-1', state: { done: [] } })).rejects.toThrow('already')
})

test('state of an older version is brought up to date, and a newer one is left to those who know it', async () => {
  const store = new MemorySagaStore()
  const write = (id: string, version: number, state: unknown): void => {
    const body = JSON.stringify({ version, state, begun: true, done: [], attempts: 0, timers: [], outgoing: [], seen: [], history: [] })
    const { record } = store.create('Versioned', id, { status: 'running', dueAt: 0, body }, { leaseMs: 1 })!
    store.save(record, { status: 'running', dueAt: 0, body }, {})
  }
  write('old', 1, { total: '3' })
  write('new', 3, { total: 3 })
  const Versioned = defineSaga('Versioned', {
    version: 2,
    state: staticSchema<{ total: number }>(),
    upcast: { 1: (state: { total: string }) => ({ total: Number(state.total) }) },
    steps: (step) => [step('add', (state) => ({ total: state.total + 1 }))],
  })
  await using sagas = new SagaManager({ store, onParked: () => undefined }).register(Versioned)
  await sagas.start()
  await sagas.idle()
  expect(await sagas.find('Versioned', 'old')).toMatchObject({ status: 'completed', version: 2, state: { total: 4 } })
  expect(await sagas.find('Versioned', 'new')).toMatchObject({
    status: 'parked',
    version: 3,
    reason: { message: expect.stringContaining('Deploy the newer') },
  })
})

test('a saga of five steps is six writes to its store', async () => {
  const store = new MemorySagaStore()
  const writes: string[] = []
  const counted = new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...words: unknown[]) => {
        if (['create', 'save', 'claim'].includes(String(name))) writes.push(String(name))
        return value.apply(target, words)
      }
    },
  })
  const Five = defineSaga('Five', { state: trip, steps: (step) => ['a', 'b', 'c', 'd', 'e'].map((name) => step(name, () => undefined)) })
  await using sagas = new SagaManager({ store: counted }).register(Five)
  await sagas.start()
  await sagas.startSaga(Five, { id: 'f-1', state: { done: [] } })
  await sagas.idle()
  expect(await sagas.find('Five', 'f-1')).toMatchObject({ status: 'completed' })
  expect(writes).toEqual(['create', 'save', 'save', 'save', 'save', 'save'])
})

test('a virtual year of a saga that bills each month passes at once, and each month is billed once', async () => {
  await using year = await testBus({ service: 'billing' })
  const { clock } = year
  const month = 30 * 86_400_000
  const billed: number[] = []
  const Bill = defineSaga('Bill', {
    state: staticSchema<{ months: number }>(),
    timeouts: {
      due: {
        afterMs: month,
        run: ({ months }, saga) => {
          billed.push(clock.now())
          if (months === 11) saga.complete()
          else saga.setTimeout('due', month)
          return { months: months + 1 }
        },
      },
    },
  })
  await using sagas = new SagaManager({ store: new MemorySagaStore({ clock }), bus: year.bus, clock }).register(Bill)
  await sagas.start()
  const began = clock.now()
  await sagas.startSaga(Bill, { id: 'b-1', state: { months: 0 } })
  await clock.advance(12 * month)
  await sagas.idle()
  expect(billed).toEqual(Array.from({ length: 12 }, (_, index) => began + (index + 1) * month))
  expect(await sagas.find('Bill', 'b-1')).toMatchObject({ status: 'completed', state: { months: 12 } })
})

test('each month that is billed has an idempotency key and a command of its own, and every run of one month the same', async () => {
  await using year = await testBus({ service: 'billing' })
  const { clock } = year
  const month = 30 * 86_400_000
  const keys: string[] = []
  const charged: string[] = []
  const commands = new CommandBus({ bus: year.bus, service: 'billing', clock })
  await commands.register('Charge', ({ data }: Request) => void charged.push((data as { key: string }).key))
  const Subscribe = defineSaga('Subscribe', {
    state: staticSchema<{ months: number }>(),
    retry: { maxAttempts: 2, backoff: { delayMs: 1_000, jitter: 0 } },
    timeouts: {
      due: {
        afterMs: month,
        run: ({ months }, saga) => {
          keys.push(saga.idempotencyKey)
          if (saga.attempt === 1) throw new Error('The bank is closed.')
          saga.send({ type: 'Charge', payload: { key: saga.idempotencyKey } })
          if (months === 2) saga.complete()
          else saga.setTimeout('due', month)
          return { months: months + 1 }
        },
      },
    },
  })
  await using sagas = new SagaManager({ store: new MemorySagaStore({ clock }), bus: year.bus, commands, clock }).register(Subscribe)
  await sagas.start()
  await sagas.startSaga(Subscribe, { id: 's-1', state: { months: 0 } })
  await clock.advance(4 * month)
  await sagas.idle()
  await clock.advance(1_000)
  expect(keys).toHaveLength(6)
  expect(keys.filter((_, index) => index % 2 === 0)).toEqual(keys.filter((_, index) => index % 2 === 1))
  expect(new Set(keys).size).toBe(3)
  expect(charged).toEqual([...new Set(keys)])
  await commands.close()
})

test('two events of one type that have a saga send the same command send it twice', async () => {
  await using shop = await testBus({ service: 'shop' })
  const { clock } = shop
  const Ordered = defineEvent('SagaItemOrdered', { schema: staticSchema<{ id: string; item: number }>(), key: ({ id }) => id })
  const packed: number[] = []
  const commands = new CommandBus({ bus: shop.bus, service: 'shop', clock })
  await commands.register('Pack', ({ data }: Request) => void packed.push((data as { item: number }).item))
  const Basket = defineSaga('Basket', {
    state: staticSchema<{ id: string }>(),
    on: (when) => [
      when(
        Ordered,
        (_, { data }, saga) => {
          saga.send({ type: 'Pack', payload: { item: data.item } })
        },
        { correlate: ({ data }) => data.id },
      ),
    ],
  })
  await using sagas = new SagaManager({ store: new MemorySagaStore({ clock }), bus: shop.bus, commands, clock }).register(Basket)
  await sagas.start()
  await sagas.startSaga(Basket, { id: 'b-1', state: { id: 'b-1' } })
  for (const item of [1, 2]) await shop.bus.publish(Ordered({ id: 'b-1', item }))
  await clock.advance(1_000)
  await sagas.idle()
  await clock.advance(1_000)
  expect(packed).toEqual([1, 2])
  await commands.close()
})

test('an event waits for a step that takes an hour, and is no dead letter', async () => {
  await using shop = await testBus({ service: 'shop' })
  const { clock } = shop
  const Paid = defineEvent('SagaPaidLate', { schema: staticSchema<{ id: string }>(), key: ({ id }) => id })
  const working = later<void>()
  const done = later<void>()
  const Report = defineSaga('Report', {
    state: trip,
    steps: (step) => [
      step('write', async ({ done: before }) => {
        working.resolve()
        await done.promise
        return { done: [...before, 'written'] }
      }),
    ],
    on: (when) => [when(Paid, ({ done: before }) => ({ done: [...before, 'paid'] }), { correlate: ({ data }) => data.id })],
  })
  await using sagas = new SagaManager({ store: new MemorySagaStore({ clock }), bus: shop.bus, clock }).register(Report)
  await sagas.start()
  await sagas.startSaga(Report, { id: 'r-1', state: { done: [] } })
  await working.promise
  await shop.bus.publish(Paid({ id: 'r-1' }))
  await clock.advance(3_600_000)
  done.resolve()
  await clock.advance(60_000)
  expect((await shop.bus.deadLetters.list()).letters).toEqual([])
  expect(await sagas.find('Report', 'r-1')).toMatchObject({ state: { done: ['written', 'paid'] } })
})

test('a manager that could not start is started again, and hears each event once', async () => {
  await using shop = await testBus({ service: 'shop' })
  const { clock } = shop
  const Began = defineEvent('SagaBeganAgain', { schema: staticSchema<{ id: string }>(), key: ({ id }) => id })
  const Went = defineEvent('SagaWentOn', { schema: staticSchema<{ id: string }>(), key: ({ id }) => id })
  const seen: string[] = []
  const Again = defineSaga('Again', {
    state: staticSchema<{ id: string }>(),
    start: Began,
    correlate: ({ data }) => data.id,
    on: (when) => [when(Went, (_, { data }) => void seen.push(data.id), { correlate: ({ data }) => data.id })],
  })
  let refused = false
  const bus = new Proxy(shop.bus, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...words: unknown[]) => {
        if (name !== 'subscribe' || words[0] !== Went || refused) return value.apply(target, words)
        refused = true
        return Promise.reject(new Error('the broker is away'))
      }
    },
  })
  await using sagas = new SagaManager({ store: new MemorySagaStore({ clock }), bus, clock }).register(Again)
  await expect(sagas.start()).rejects.toThrow('the broker is away')
  await sagas.start()
  await shop.bus.publish(Began({ id: 'a-1' }))
  await clock.advance(1_000)
  await shop.bus.publish(Went({ id: 'a-1' }))
  await clock.advance(1_000)
  expect(seen).toEqual(['a-1'])
})

test('events that come while a step waits to be tried again do not use up its attempts', async () => {
  await using shop = await testBus({ service: 'shop' })
  const { clock } = shop
  const Noted = defineEvent('SagaNotedMeanwhile', { schema: staticSchema<{ id: string }>(), key: ({ id }) => id })
  let runs = 0
  const Call = defineSaga('CallMeanwhile', {
    state: staticSchema<{ notes: number }>(),
    retry: { maxAttempts: 3, backoff: { delayMs: 60_000, jitter: 0 } },
    steps: (step) => [
      step('call', () => {
        runs++
        throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      }),
    ],
    on: (when) => [when(Noted, ({ notes }) => ({ notes: notes + 1 }), { correlate: ({ data }) => data.id })],
  })
  await using sagas = new SagaManager({ store: new MemorySagaStore({ clock }), bus: shop.bus, clock, onParked: () => undefined }).register(
    Call,
  )
  await sagas.start()
  await sagas.startSaga(Call, { id: 'c-1', state: { notes: 0 } })
  await sagas.idle()
  for (let n = 0; n < 5; n++) await shop.bus.publish(Noted({ id: 'c-1' }))
  await clock.advance(5_000)
  await sagas.idle()
  expect(runs).toBe(1)
  expect(await sagas.find('CallMeanwhile', 'c-1')).toMatchObject({ status: 'running', state: { notes: 5 } })
  await clock.advance(56_000)
  await sagas.idle()
  expect(runs).toBe(2)
  await clock.advance(121_000)
  await sagas.idle()
  expect([runs, (await sagas.find('CallMeanwhile', 'c-1'))?.status]).toEqual([3, 'parked'])
})

test('an event whose saga is taken over while it reacts reacts again, also on its last attempt, and is no dead letter', async () => {
  await using shop = await testBus({ service: 'shop', retry: { maxAttempts: 1 } })
  const { clock } = shop
  const Noted = defineEvent('Reaction.Noted', { schema: staticSchema<{ id: string }>() })
  const elsewhere = new VirtualClock()
  const store = new MemorySagaStore({ clock: elsewhere })
  let runs = 0
  const Notes = defineSaga('ReactionNotes', {
    state: staticSchema<{ notes: number }>(),
    on: (when) => [
      when(
        Noted,
        async ({ notes }) => {
          // the process was stopped for longer than its lease: another one has had the saga meanwhile
          if (++runs === 1) {
            await elsewhere.advance(60_000)
            const claimed = store.claim('ReactionNotes', 'n-1', { leaseMs: 1_000 })
            if (claimed === undefined || claimed === 'busy') return expect.fail()
            const { status, dueAt, body } = claimed.record
            store.save(claimed.record, { status, dueAt, body }, {})
          }
          return { notes: notes + 1 }
        },
        { correlate: ({ data }) => data.id },
      ),
    ],
  })
  await using sagas = new SagaManager({ store, bus: shop.bus, clock }).register(Notes)
  await sagas.start()
  await sagas.startSaga(Notes, { id: 'n-1', state: { notes: 0 } })
  await sagas.idle()
  await shop.publish(Noted({ id: 'n-1' }))
  await shop.advance(10_000)
  expect(shop.deadLetters).toEqual([])
  expect(await sagas.find('ReactionNotes', 'n-1')).toMatchObject({ state: { notes: 1 } })
  expect(runs).toBe(2)
})
