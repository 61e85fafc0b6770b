import {
  clearEventRegistry,
  defineEvent,
  type EventStoreBase,
  type ILeaseStore,
  type Lease,
  newEventId,
  type StandardSchema,
  staticSchema,
  type WireMessage,
} from '@interline/core'
import { Projection, type ProjectionOptions, Repository } from '@interline/domain'
import { MemoryEventStore } from '@interline/memory'
import { VirtualClock, waitFor } from '@interline/testing'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Account, Deposited, MoneyMoved, Opened, Wallet } from './account.js'
import { places, startEmbedded } from './places.js'

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const silent = { warn: () => undefined, error: () => undefined }
const quick = { maxAttempts: 3, backoff: { delayMs: 1 } }
const common = { logger: silent, pollMs: 50, retry: quick } satisfies Partial<ProjectionOptions>

/** What a read model in this process would hold, by target. */
class Sums {
  readonly byTarget = new Map<string, number[]>()

  of(target: string): number[] {
    return this.byTarget.get(target) ?? []
  }

  projection(store: EventStoreBase, options: Partial<ProjectionOptions> = {}): Projection {
    return new Projection({
      name: 'sums',
      store,
      ...common,
      setUp: ({ target }) => void this.byTarget.set(target, this.of(target)),
      tearDown: ({ target }) => void this.byTarget.delete(target),
      ...options,
    }).on(Deposited, ({ data }, { target }) => void this.of(target).push(data.amount))
  }
}

const deposit = (store: EventStoreBase, ...amounts: readonly number[]): Promise<unknown> =>
  store.saveEvents(
    'account:a',
    amounts.map((amount) => Deposited({ amount })),
  )

beforeAll(startEmbedded, 90_000)

describe.each(Object.entries(places))('a projection in %s', (_name, place) => {
  test('handles what is there, then what comes, and goes on where it was', async () => {
    await using room = place()
    const store = room.events()
    const sums = new Sums()
    await deposit(store, ...range(450))
    await store.saveEvents('account:b', [Opened({ owner: 'not for it' })])
    const first = sums.projection(store)
    await first.start()
    await first.caughtUp()
    await deposit(store, 450)
    await first.caughtUp()
    await first.close()
    expect((await first.status()).state).toBe('closed')
    await deposit(store, 451, 452)
    expect(await first.lag()).toMatchObject({ events: 2, more: false })
    expect(await first.lag({ limit: 1 })).toMatchObject({ events: 1, more: true })
    await using second = sums.projection(room.events())
    await second.start()
    await second.caughtUp()
    expect(sums.of('sums_1')).toEqual(range(453))
    expect(await second.lag()).toEqual({ events: 0, more: false, ageMs: 0 })
  })

  test('is run by one process at a time; where that ends another goes on, and nothing is done twice', async () => {
    await using room = place()
    const sums = new Sums()
    const projections = range(3).map(() => sums.projection(room.events(), { batchSize: 7 }))
    const store = room.events()
    for (const projection of projections) await projection.start()
    for (const n of range(3)) {
      await deposit(store, ...range(40).map((index) => n * 40 + index))
      await projections[n]?.caughtUp()
      await projections[n]?.close()
    }
    expect(sums.of('sums_1')).toEqual(range(120))
  })

  test('is built anew beside the live one, which takes its place when it has caught up', async () => {
    await using room = place()
    const store = room.events()
    const sums = new Sums()
    await deposit(store, ...range(30))
    await using projection = sums.projection(store, { batchSize: 10, keepReplacedMs: 0 })
    await projection.start()
    await projection.caughtUp()
    expect(await projection.target()).toBe('sums_1')
    await projection.rebuild()
    await deposit(store, 30, 31)
    await projection.caughtUp()
    expect(await projection.target()).toBe('sums_2')
    expect(sums.of('sums_2')).toEqual(range(32))
    await waitFor(() => !sums.byTarget.has('sums_1'), { what: 'the removal of what was replaced' })
    await projection.rebuild()
    await projection.rebuild()
    await projection.caughtUp()
    expect([await projection.target(), sums.of('sums_4')]).toEqual(['sums_4', range(32)])
    await waitFor(() => sums.byTarget.size === 1, { what: 'the removal of the others' })
  })

  test('pauses for all processes, resumes, and begins anew where it is reset', async () => {
    await using room = place()
    const store = room.events()
    const sums = new Sums()
    await using projection = sums.projection(store)
    await projection.start()
    await deposit(store, 1, 2)
    await projection.caughtUp()
    await sums.projection(room.events()).pause()
    await waitFor(async () => (await projection.status()).state === 'paused')
    await deposit(store, 3)
    expect(await projection.lag()).toMatchObject({ events: 1 })
    await projection.resume()
    await projection.caughtUp()
    expect(sums.of('sums_1')).toEqual([1, 2, 3])
    await projection.reset()
    await projection.caughtUp()
    expect(sums.of('sums_1')).toEqual([1, 2, 3])
  })

  test('stops at an event that cannot be handled and says so, and goes on with it or without it', async () => {
    await using room = place()
    const store = room.events()
    const told: string[] = []
    const seen: number[] = []
    let broken = new Set([5, 7])
    const logger = { ...silent, error: (message: string) => void told.push(message) }
    await using projection = new Projection({ ...common, name: 'picky', store, logger }).on(Deposited, ({ data }) => {
      if (broken.has(data.amount)) throw new Error(`no ${data.amount}`)
      if (!seen.includes(data.amount)) seen.push(data.amount)
    })
    await deposit(store, ...range(10))
    await projection.start()
    await expect(projection.caughtUp()).rejects.toThrow('no 5')
    expect(await projection.status()).toMatchObject({
      state: 'stopped',
      poison: { type: 'domain.Deposited', stream: 'account:a', version: 6, attempts: 3, error: 'no 5' },
    })
    expect(told).toEqual([expect.stringContaining('version 6 of "account:a") stopped it after 3 attempts: no 5')])
    expect(seen).toEqual(range(5))
    broken = new Set([7])
    await projection.resume()
    await expect(projection.caughtUp()).rejects.toThrow('no 7')
    await projection.resume({ skip: true })
    await projection.caughtUp()
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9])
    expect((await projection.status()).poison).toBeUndefined()
  })

  test('skips what cannot be handled where it is told to, and tells that', async () => {
    await using room = place()
    const store = room.events()
    const seen: number[] = []
    const skipped: number[] = []
    const options = {
      ...common,
      name: 'lenient',
      store,
      onPoison: 'skip',
      onPoisonEvent: ({ version }: { version: number }) => skipped.push(version),
    } as const
    await using projection = new Projection(options).on(Deposited, ({ data }) => {
      if (data.amount % 4 === 1) throw new Error('never')
      if (!seen.includes(data.amount)) seen.push(data.amount)
    })
    await deposit(store, ...range(10))
    await projection.start()
    await projection.caughtUp()
    expect([seen, skipped]).toEqual([
      [0, 2, 3, 4, 6, 7, 8],
      [2, 6, 10],
    ])
  })

  test('stops, and says so, where its checkpoint is ahead of the store', async () => {
    await using room = place()
    const store = room.events()
    const sums = new Sums()
    await deposit(store, 1)
    await store.checkpoints.save('projection:sums:1', '999999', undefined)
    await using projection = sums.projection(store)
    await projection.start()
    await expect(projection.caughtUp()).rejects.toThrow('ahead of the store')
    await waitFor(async () => (await projection.status()).state === 'stopped')
    expect((await projection.status()).reason).toContain('ahead of the store')
    await projection.reset()
    await projection.caughtUp()
    expect(sums.of('sums_1')).toEqual([1])
  })

  test('reads past what is not for it, so that it holds nothing back', async () => {
    await using room = place()
    const store = room.events()
    await using projection = new Sums().projection(store)
    await projection.start()
    await store.saveEvents('account:x', [Opened({ owner: 'a' }), Opened({ owner: 'b' })])
    await waitFor(async () => (await store.checkpoints.load('projection:sums:1')) === (await store.head()))
  })
})

/** As another service stored it, in version 3. */
function storedMessageOf(type: string, data: object): WireMessage {
  const attributes = { specversion: '1.0', id: newEventId(), source: 'other', type, dataversion: '3', datacontenttype: 'application/json' }
  return { destination: 'others', topic: type, key: undefined, attributes, data: JSON.stringify(data) }
}

describe('a projection gets', () => {
  beforeEach(() => clearEventRegistry())

  test('an event of an older version as its newest, and instances of classes', async () => {
    await using room = places.memory()
    const store = room.events()
    await store.saveEvents('p', [{ type: 'projection.Priced', version: 1, data: { cents: 250 } }])
    const Priced = defineEvent('projection.Priced', {
      version: 2,
      schema: staticSchema<{ euros: number }>(),
      upcast: { 1: (data: { cents: number }) => ({ euros: data.cents / 100 }) },
    })
    await new Repository(Wallet, { store }).update('w', (wallet) => wallet.move(3))
    const seen: unknown[] = []
    await using projection = new Projection({ ...common, name: 'prices', store })
      .on(Priced, ({ version, data }) => void seen.push([version, data.euros]))
      .on(MoneyMoved, (event) => void seen.push(event instanceof MoneyMoved && event.amount))
      .on('interline.stream.deleted', ({ data }) => void seen.push(data))
    await projection.start()
    await store.deleteStream('p')
    await projection.caughtUp()
    expect(seen).toEqual([3, { stream: 'p', version: 1 }])
  })

  test('an event of a newer version as far as it fits, and stops where it does not', async () => {
    await using room = places.memory()
    const store = room.events()
    const numbers: StandardSchema<{ n: number }> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) =>
          typeof (value as { n: unknown }).n === 'number' ? { value: value as { n: number } } : { issues: [{ message: 'n is no number' }] },
      },
    }
    const Newer = defineEvent('projection.Newer', { version: 2, schema: numbers })
    await store.append(
      's',
      [{ n: 1, more: true }, { number: 2 }].map((data) => storedMessageOf('projection.Newer', data)),
    )
    const seen: unknown[] = []
    await using projection = new Projection({ ...common, name: 'newer', store }).on(Newer, ({ data }) => void seen.push(data.n))
    await projection.start()
    await expect(projection.caughtUp()).rejects.toThrow('n is no number')
    expect(seen).toEqual([1])
  })

  test('each event once where its lease is lost between two turns and comes back later', async () => {
    const clock = new VirtualClock()
    const store = new MemoryEventStore({ clock })
    let lease: Lease | undefined
    const { leases } = store
    const watched: ILeaseStore = {
      acquire: (...words) => (lease = leases.acquire(...words)),
      renew: (...words) => leases.renew(...words),
      release: (held) => leases.release(held),
    }
    const losing = new Proxy(store, {
      get(target, name) {
        const value: unknown = name === 'leases' ? watched : Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const sums = new Sums()
    const timing = { clock, leaseMs: 9_000, pollMs: 1_000 }
    await using one = sums.projection(losing, timing)
    await using two = sums.projection(store, timing)
    await deposit(store, 1, 2)
    await one.start()
    await clock.advance(1_000)
    expect(sums.of('sums_1')).toEqual([1, 2])
    leases.release(lease as Lease)
    await two.start()
    await clock.advance(4_000)
    await deposit(store, 3, 4)
    await clock.advance(1_000)
    expect([(await one.status()).state, (await two.status()).state]).toEqual(['waiting', 'running'])
    await two.close()
    await clock.advance(2_000)
    await deposit(store, 5)
    await clock.advance(2_000)
    expect(sums.of('sums_1')).toEqual([1, 2, 3, 4, 5])
  })

  test('no event that its schema refuses: it stops there at once', async () => {
    await using room = places.memory()
    const store = room.events()
    await store.saveEvents('p', [{ type: 'projection.Old', version: 1, data: {} }])
    const Old = defineEvent('projection.Old', {
      version: 3,
      upcast: {
        1: (data) => data,
        2: () => {
          throw new Error('cannot')
        },
      },
    })
    await using projection = new Projection({ ...common, name: 'old', store }).on(Old, () => undefined)
    await projection.start()
    await expect(projection.caughtUp()).rejects.toThrow('from version 2 to 3 failed')
    expect((await projection.status()).poison?.attempts).toBe(1)
  })

  test('nothing where it could only be a mistake', async () => {
    await using room = places.memory()
    const store = room.events()
    expect(() => new Projection({ name: 'no spaces', store })).toThrow('needs a name')
    expect(() => new Projection({ name: 'a', store, batchSize: 0 })).toThrow('batchSize is 0')
    expect(() => new Projection({ name: 'a', store, transactional: true })).toThrow('has no transactions')
    expect(() => new Projection({ name: 'a', store }).on('orders.*', () => undefined)).toThrow('pattern of topics')
    await expect(new Projection({ name: 'a', store }).start()).rejects.toThrow('handles nothing')
    await using projection = new Projection({ ...common, name: 'a', store }).on(Opened, (_event, { tx }) => tx.query('SELECT 1'))
    await projection.start()
    expect(() => projection.on(Opened, () => undefined)).toThrow('is started')
    await new Repository(Account, { store }).update('x', (account) => account.add(Opened({ owner: 'a' })))
    await expect(projection.caughtUp()).rejects.toThrow('has no transaction')
  })
})
