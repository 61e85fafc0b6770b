import { ClosedError, defineEvent, EventBus, type IEventStore, type StoredSnapshot, staticSchema } from '@interline/core'
import { MemoryBroker, MemoryEventStore, MemorySnapshotStore } from '@interline/memory'
import { describe, expect, test } from 'vitest'
import { defineAggregate } from '../aggregate/define-aggregate.js'
import { EventSourcedAggregate } from '../aggregate/event-sourced-aggregate.js'
import { SnapshotService } from '../snapshot/snapshot-service.js'
import { Repository } from './repository.js'

const Counted = defineEvent('repository.Counted', { schema: staticSchema<{ by: number }>() })
const Asked = defineEvent('repository.Asked', { schema: staticSchema<{ by: number }>() })

const describeCounter = (version = 1) =>
  defineAggregate('counter', {
    events: [Counted],
    initial: { sum: 0 },
    evolve: (state, { data }) => ({ sum: state.sum + data.by }),
    snapshot: {
      version,
      read: (stored) => {
        const { sum } = stored as { sum: unknown }
        if (typeof sum !== 'number') throw new TypeError('no sum')
        return { sum }
      },
    },
  })
const Counter = describeCounter()
const quiet = { warn: () => undefined }

function setUp(intervalVersions = 10) {
  const store = new MemoryEventStore()
  const kept = new MemorySnapshotStore()
  const problems: string[] = []
  const snapshots = new SnapshotService(kept, { intervalVersions, logger: quiet, onProblem: ({ reason }) => problems.push(reason) })
  return { store, kept, problems, snapshots, counters: new Repository(Counter, { store, snapshots }) }
}

describe('a repository', () => {
  test('says which event caused what it saves in a handler, and a bus forwards that once', async () => {
    const store = new MemoryEventStore()
    await using bus = new EventBus({ broker: new MemoryBroker(), store, service: 'shop' })
    const counters = new Repository(Counter, { store })
    const seen: unknown[] = []
    await bus.subscribe(Asked, async ({ data }) => counters.update('c-1', (counter) => counter.add(Counted({ by: data.by }))), {
      name: 'count',
    })
    await bus.subscribe(Counted, ({ metadata }) => void seen.push(metadata), { name: 'see' })
    const asked = Asked({ by: 3 }, { correlationId: 'request-1', userId: 'u-1' })
    await bus.publish(asked)
    await bus.idle()
    expect(seen).toEqual([
      expect.objectContaining({
        correlationId: 'request-1',
        causationId: asked.eventId,
        userId: 'u-1',
        aggregateId: 'c-1',
        aggregateType: 'counter',
        source: 'shop',
      }),
    ])
  })

  test('repeats an update on what is there now, with a bound', async () => {
    const { store } = setUp()
    const counters = new Repository(Counter, { store, retry: { maxAttempts: 3, backoff: { delayMs: 1 } } })
    let runs = 0
    await counters.update('c', async (counter) => {
      if (++runs < 3) await counters.update('c', (other) => other.add(Counted({ by: 1 })))
      counter.add(Counted({ by: 10 }))
    })
    expect([runs, (await counters.load('c')).state.sum]).toEqual([3, 12])
    runs = 0
    const always = counters.update('c', async (counter) => {
      runs++
      await counters.update('c', (other) => other.add(Counted({ by: 1 })))
      counter.add(Counted({ by: 100 }))
    })
    await expect(always).rejects.toMatchObject({ code: 'INTERLINE_WRONG_EXPECTED_VERSION' })
    expect([runs, (await counters.load('c')).state.sum]).toEqual([3, 15])
  })

  test('passes on what a change throws, and stores nothing of it', async () => {
    const { counters } = setUp()
    const failing = counters.update('c', (counter) => {
      counter.add(Counted({ by: 1 }))
      throw new Error('changed my mind')
    })
    await expect(failing).rejects.toThrow('changed my mind')
    expect(await counters.find('c')).toBeUndefined()
  })

  test('can try the same save again where it failed', async () => {
    const { store } = setUp()
    let fails = 1
    const flaky = new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (name === 'saveEvents') {
          return async (...words: Parameters<MemoryEventStore['saveEvents']>) => {
            const result = await target.saveEvents(...words)
            if (fails-- > 0) throw new ClosedError('the answer was lost')
            return result
          }
        }
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const counters = new Repository(Counter, { store: flaky as IEventStore })
    const counter = counters.create('c')
    counter.add(Counted({ by: 5 }))
    await expect(counters.save(counter)).rejects.toThrow('the answer was lost')
    await counters.save(counter)
    expect([counter.version, (await counters.load('c')).state.sum]).toEqual([1, 5])
  })

  test.each<[string, (found: StoredSnapshot) => StoredSnapshot, string]>([
    ['damaged', (found) => ({ ...found, data: found.data.slice(0, 8) }), 'damaged'],
    ['of a newer form', (found) => ({ ...found, schemaVersion: 7 }), 'schema'],
    ['of a stream that is another now', (found) => ({ ...found, eventId: 'another' }), 'stale'],
  ])('makes a snapshot anew that is %s', async (_what, change, reason) => {
    const { kept, problems, counters } = setUp()
    await counters.update('c', (counter) => counter.add(...Array.from({ length: 25 }, () => Counted({ by: 1 }))))
    const found = kept.load('counter:c') as StoredSnapshot
    kept.remove({})
    kept.save(change(found))
    expect((await counters.load('c')).state.sum).toBe(25)
    expect(problems).toEqual([reason])
    expect(kept.load('counter:c', { schemaVersion: 1 })).toMatchObject({ version: 25, eventId: found.eventId })
    problems.length = 0
    kept.remove({ stream: 'counter:c', keep: 1 })
    expect((await counters.load('c')).state.sum).toBe(25)
  })

  test('reads the events where a state can no longer be restored', async () => {
    const { store, kept, snapshots, problems } = setUp()
    const Older = defineAggregate('counter', { events: [Counted], initial: '', evolve: (text, { data }) => text + data.by })
    await new Repository(Older, { store, snapshots }).update('c', (older) =>
      older.add(...Array.from({ length: 10 }, () => Counted({ by: 1 }))),
    )
    expect(kept.load('counter:c')?.version).toBe(10)
    expect((await new Repository(Counter, { store, snapshots }).load('c')).state.sum).toBe(10)
    expect(problems).toEqual(['damaged'])
  })

  test('lets code of two forms work beside each other', async () => {
    const { store, kept, snapshots } = setUp()
    const [older, newer] = [new Repository(Counter, { store, snapshots }), new Repository(describeCounter(2), { store, snapshots })]
    for (let n = 0; n < 40; n++) await (n % 2 === 0 ? older : newer).update('c', (counter) => counter.add(Counted({ by: 1 })))
    expect((await older.load('c')).state.sum).toBe(40)
    expect((await newer.load('c')).state.sum).toBe(40)
    expect([kept.load('counter:c', { schemaVersion: 1 }), kept.load('counter:c', { schemaVersion: 2 })]).not.toContain(undefined)
  })

  test('makes no state of a stream whose beginning is gone, unless it is told to', async () => {
    const store = new MemoryEventStore({ maxEvents: 5 })
    const counters = new Repository(Counter, { store })
    for (let n = 0; n < 8; n++) await store.saveEvents('counter:c', [Counted({ by: 1 })])
    await expect(counters.load('c')).rejects.toMatchObject({
      code: 'INTERLINE_INCOMPLETE_STREAM',
      message: expect.stringContaining('versions 1 to 3'),
    })
    expect((await new Repository(Counter, { store, incomplete: 'accept' }).load('c')).state.sum).toBe(5)
  })

  test('goes on from a snapshot of which only the events after it are left, where it is told to', async () => {
    const store = new MemoryEventStore({ maxEvents: 5 })
    const snapshots = new SnapshotService(new MemorySnapshotStore(), { intervalVersions: 3, logger: quiet })
    const counters = new Repository(Counter, { store, snapshots, incomplete: 'accept' })
    await store.saveEvents('counter:c', [Counted({ by: 1 })])
    for (let n = 0; n < 14; n++) await counters.update('c', (counter) => counter.add(Counted({ by: 1 })))
    expect((await counters.load('c')).state.sum).toBe(15)
  })

  test('gives an event of an older version as its newest', async () => {
    const store = new MemoryEventStore()
    const old = { type: 'repository.Priced', version: 1, data: { cents: 250 } }
    await store.saveEvents('price:p', [old])
    const Priced = defineEvent('repository.Priced', {
      version: 2,
      schema: staticSchema<{ euros: number }>(),
      upcast: { 1: (data: { cents: number }) => ({ euros: data.cents / 100 }) },
    })
    const Price = defineAggregate('price', { events: [Priced], initial: 0, evolve: (_, { version, data }) => version * data.euros })
    expect((await new Repository(Price, { store }).load('p')).state).toBe(5)
  })

  test('refuses what can only be a mistake', async () => {
    const { store, snapshots, counters } = setUp()
    class Bare extends EventSourcedAggregate {
      apply(): void {}
    }
    class Half extends Bare {
      override toSnapshot(): unknown {
        return {}
      }
    }
    await expect(new Repository(Bare, { store, snapshots }).find('x')).rejects.toThrow('needs toSnapshot() and fromSnapshot')
    await expect(new Repository(Half, { store, snapshots }).find('x')).rejects.toThrow('only one of')
    await expect(counters.save(new Repository(Bare, { store }).create('x') as never)).rejects.toThrow('can\'t save the Bare "x"')
    await expect(counters.load('c', { version: 0 })).rejects.toThrow('version is 0')
    await expect(counters.load('c', { at: new Date('never') })).rejects.toThrow('no valid Date')
    await expect(counters.load('')).rejects.toThrow('needs an id')
    expect(() => new Repository(Counter, { store, incomplete: 'yes' as never })).toThrow('incomplete is "yes"')
  })
})
