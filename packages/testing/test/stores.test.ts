import { setImmediate } from 'node:timers/promises'
import { ConnectionError, type IEventStore } from '@interline/core'
import {
  MemoryDeadLetterStore,
  MemoryEventStore,
  MemoryIdempotencyStore,
  MemoryLeaseStore,
  MemorySagaStore,
  MemorySnapshotStore,
} from '@interline/memory'
import { describe, expect, it, test } from 'vitest'
import {
  CollectingRunner,
  type PrivateStoreServer,
  type Retention,
  testDeadLetterStore,
  testEventStore,
  testIdempotencyStore,
  testLeaseStore,
  testSagaStore,
  testSnapshotStore,
} from '../src/index.js'

const runner = { describe, it }

testEventStore('event store in memory', {
  create: () => new MemoryEventStore(),
  retaining: (_namespace, retention) => new MemoryEventStore(retention),
  leaveOut: { S14: 'it has no server' },
  shared: false,
  runner,
})
testIdempotencyStore('idempotency store in memory', { create: () => new MemoryIdempotencyStore(), shared: false, runner })
testDeadLetterStore('dead-letter store in memory', { create: () => new MemoryDeadLetterStore(), shared: false, runner })
testSnapshotStore('snapshot store in memory', { create: () => new MemorySnapshotStore(), shared: false, runner })
testLeaseStore('lease store in memory', { create: () => new MemoryLeaseStore(), shared: false, runner })
testSagaStore('saga store in memory', { create: () => new MemorySagaStore(), shared: false, runner })

/** An object that does what another does, but for some of its methods. */
function broken<T extends object>(store: T, changes: Partial<T>): T {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = name in changes ? changes[name as keyof T] : Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

async function failing(register: (runner: CollectingRunner) => void): Promise<string[]> {
  const collecting = new CollectingRunner()
  register(collecting)
  const results = await collecting.run()
  return [...new Set(results.filter(({ error }) => error !== undefined).map(({ id }) => id))]
}

const limits = { gapMs: 500 }

describe('the contract of stores finds', () => {
  test('an event store that checks no version', async () => {
    const create = () => {
      const store = new MemoryEventStore()
      return broken<MemoryEventStore>(store, { append: (stream, events) => store.append(stream, events) })
    }
    expect(await failing((runner) => testEventStore('unchecked', { create, shared: false, runner, limits }))).toEqual([
      'S02',
      'S04',
      'S10',
      'S13',
      'S15',
    ])
  })

  test('an event store that ignores filters, and whose head is not where it ends', async () => {
    const create = () => {
      const store = new MemoryEventStore()
      return broken<MemoryEventStore>(store, {
        readAll: ({ after, limit, since } = {}) => store.readAll({ after, limit, since }),
        head: () => '999999999',
      })
    }
    expect(await failing((runner) => testEventStore('unfiltered', { create, shared: false, runner, limits }))).toEqual([
      'S01',
      'S06',
      'S08',
      'S09',
      'S10',
      'S13',
      'S15',
      'S16',
    ])
  })

  test('an event store whose readers can pass what is not there yet', async () => {
    const create = () => {
      const store = new MemoryEventStore()
      let hidden: string | undefined
      return broken<MemoryEventStore>(store, {
        // Now and then the newest event appears only after the next one.
        async *readAll(options = {}) {
          const head = await store.head()
          for await (const event of store.readAll(options)) {
            if (options.limit === 100 && event.position !== head && Number(event.position) % 97 === 0 && hidden !== event.position) {
              hidden = event.position
              continue
            }
            yield event
          }
        },
      })
    }
    expect(await failing((runner) => testEventStore('leaky', { create, shared: false, runner, limits }))).toEqual(['S07'])
  })

  test('an event store that forgets what its checkpoint was, and one that removes what nobody has read', async () => {
    const create = () => {
      const store = new MemoryEventStore()
      const checkpoints = broken(store.checkpoints, {
        save: (name, position) => {
          store.checkpoints.remove(name)
          return store.checkpoints.save(name, position, undefined)
        },
      })
      return broken<MemoryEventStore>(store, { checkpoints })
    }
    const retaining = (_namespace: string, { maxEvents }: Retention) => new MemoryEventStore({ maxEvents, unread: 'remove' })
    expect(await failing((runner) => testEventStore('careless', { create, retaining, shared: false, runner, limits }))).toEqual([
      'S11',
      'S13',
    ])
  })

  test('an event store that loses what it acknowledged when its server is killed, and no other', async () => {
    const serverThat = (forgets: boolean) => async (): Promise<PrivateStoreServer<IEventStore>> => {
      const store = new MemoryEventStore()
      let up = true
      return {
        create: () =>
          broken<MemoryEventStore>(store, {
            capabilities: { ...store.capabilities, durable: true },
            append: async (stream, events, options) => {
              await setImmediate()
              if (!up) throw new ConnectionError('The server is down.')
              return store.append(stream, events, options)
            },
          }),
        kill: async () => {
          up = false
          if (forgets) await store.deleteStream('s-0')
        },
        start: async () => {
          up = true
        },
        [Symbol.asyncDispose]: async () => undefined,
      }
    }
    const run = async (forgets: boolean): Promise<unknown> => {
      const collecting = new CollectingRunner()
      const create = () => new MemoryEventStore()
      testEventStore('killed', { create, server: serverThat(forgets), shared: false, runner: collecting, limits })
      return (await collecting.run(['S14'])).map(({ error }) => error)
    }
    expect(await run(false)).toEqual([undefined])
    expect(await run(true)).toEqual([expect.objectContaining({ message: expect.stringContaining('what was acknowledged is there') })])
  })

  test('an idempotency store that lets everybody run', async () => {
    const create = () => broken(new MemoryIdempotencyStore(), { claim: (claims) => claims.map(() => 'claimed' as const) })
    const found = await failing((runner) => testIdempotencyStore('lax', { create, shared: false, runner, limits }))
    expect(found).toEqual(['I01', 'I02', 'I03', 'I04', 'I05', 'I06'])
  })

  test('a dead-letter store that lists the newest first', async () => {
    const create = () => {
      const store = new MemoryDeadLetterStore()
      return broken<MemoryDeadLetterStore>(store, {
        list: (filter, page) => {
          const { letters, next } = store.list(filter, page)
          return { letters: [...letters].reverse(), next }
        },
      })
    }
    expect(await failing((runner) => testDeadLetterStore('newest', { create, shared: false, runner, limits }))).toEqual(['D01', 'D03'])
  })

  test('a snapshot store that gives the one that was saved last, and removes the newest', async () => {
    const last = () => {
      const store = new MemorySnapshotStore()
      let saved: string | undefined
      return broken<MemorySnapshotStore>(store, {
        save: (snapshot) => {
          if (saved === snapshot.stream) store.remove({ stream: saved })
          saved = snapshot.stream
          store.save(snapshot)
        },
      })
    }
    expect(await failing((runner) => testSnapshotStore('last', { create: last, shared: false, runner, limits }))).toEqual(['S12'])
    const careless = () => {
      const store = new MemorySnapshotStore()
      return broken<MemorySnapshotStore>(store, { remove: ({ stream, takenBefore }) => store.remove({ stream, takenBefore }) })
    }
    expect(await failing((runner) => testSnapshotStore('careless', { create: careless, shared: false, runner, limits }))).toEqual(['S12'])
  })

  test('a lease store whose tokens do not grow', async () => {
    const create = () => {
      const store = new MemoryLeaseStore()
      return broken<MemoryLeaseStore>(store, {
        acquire: (name, owner, options) => {
          const lease = store.acquire(name, owner, options)
          return lease === undefined ? undefined : { ...lease, token: 1 }
        },
      })
    }
    expect(await failing((runner) => testLeaseStore('unfenced', { create, shared: false, runner, limits }))).toContain('L01')
  })

  test('a saga store that saves under an old revision', async () => {
    const create = () => {
      const store = new MemorySagaStore()
      return broken<MemorySagaStore>(store, {
        save: (record, change, options) => store.save(store.load(record.type, record.id) ?? record, change, options),
      })
    }
    expect(await failing((runner) => testSagaStore('unfenced sagas', { create, shared: false, runner, limits }))).toEqual(['G12', 'G13'])
  })

  test('a saga store that forgets to say that a lease had ended', async () => {
    const create = () => {
      const store = new MemorySagaStore()
      return broken<MemorySagaStore>(store, {
        claimDue: (types, options) => {
          const { claimed, nextInMs } = store.claimDue(types, options)
          return { claimed: claimed.map((each) => ({ ...each, lapsed: false })), nextInMs }
        },
      })
    }
    expect(await failing((runner) => testSagaStore('silent', { create, shared: false, runner, limits }))).toEqual(['G13'])
  })
})
