import { MemoryEventStore } from '@interline/memory'
import { beforeEach, describe, expect, test } from 'vitest'
import { defineEvent } from '../event/define-event.js'
import { DomainEvent } from '../event/domain-event.js'
import { clearEventRegistry } from '../event/registry.js'
import { staticSchema } from '../event/standard-schema.js'
import type { IEventStore, RecordedEvent } from '../ports/event-store.js'
import { withStoredEvents } from './event-store-base.js'
import { recordOf } from './stored-events.js'

class Deposited extends DomainEvent {
  readonly eventType = 'Deposited'
  readonly version = 7

  constructor(
    readonly amount: number,
    readonly at: Date = new Date(0),
  ) {
    super({ aggregateId: 'w-1', correlationId: 'req-1' })
  }
}

class Withdrawn extends DomainEvent {
  readonly eventType = 'Withdrawn'

  constructor(readonly amount: number) {
    super({ aggregateId: 'w-1', correlationId: 'req-2' })
  }
}

beforeEach(() => clearEventRegistry())

describe('what a store gives and takes as events', () => {
  test('comes back as handlers get it, under the version of its stream where its kind has none', async () => {
    const store = new MemoryEventStore()
    const Opened = defineEvent('Opened', { version: 3, schema: staticSchema<{ owner: string }>() })
    const result = await store.saveEvents('wallet:w-1', [Opened({ owner: 'Ada' }), new Deposited(5), new Withdrawn(2)], 0)
    await store.saveEvents('wallet:w-1', [{ type: 'Audited', data: { by: 'Bob' }, version: 1 }], 3)
    const events = await store.getEvents('wallet:w-1')
    expect(result).toEqual({ version: 3, position: '3' })
    expect(events.map(({ type, eventType, version }) => [type ?? eventType, version])).toEqual([
      ['Opened', 3],
      ['Deposited', 7],
      ['Withdrawn', 3],
      ['Audited', 4],
    ])
    expect(events[0]).toMatchObject({ data: { owner: 'Ada' } })
    expect(events[1]).toBeInstanceOf(Deposited)
    expect(events[1]).toMatchObject({ amount: 5, at: '1970-01-01T00:00:00.000Z', aggregateId: 'w-1' })
    expect(recordOf(events[2] as object)).toMatchObject({ stream: 'wallet:w-1', version: 3, position: '3' })
    expect(recordOf({})).toBeUndefined()
    expect((await store.getEvents('wallet:w-1', 3)).length).toBe(2)
    expect(await store.getEvents('unknown')).toEqual([])
  })

  test('is found by correlation over all streams, and page by page from a position', async () => {
    const store = new MemoryEventStore()
    await store.saveEvents('a', [new Deposited(1), new Withdrawn(1)])
    await store.saveEvents('b', [new Deposited(2)])
    const correlated = await store.getEventsByCorrelationId<Deposited>('req-1')
    expect(correlated.map(({ amount }) => amount)).toEqual([1, 2])
    expect((await store.getAllEvents()).length).toBe(3)
    expect((await store.getAllEvents<Deposited>(0, 2)).map(({ amount }) => amount)).toEqual([1, 1])
    expect((await store.getAllEvents<Deposited>(2)).map(({ amount }) => amount)).toEqual([2])
    expect((await store.getAllEvents<Deposited>('2')).map(({ amount }) => amount)).toEqual([2])
  })

  test('refuses a conflict, and a wrong event by its index, and saves nothing of either', async () => {
    const store = new MemoryEventStore()
    await store.saveEvents('s', [new Deposited(1)], 0)
    await expect(store.saveEvents('s', [new Deposited(2)], 0)).rejects.toMatchObject({ expected: 0, actual: 1 })
    await expect(store.saveEvents('s', [new Deposited(2), {}])).rejects.toMatchObject({
      failed: [1],
      message: expect.stringContaining('event 1'),
    })
    expect((await store.getEvents('s')).length).toBe(1)
  })

  test('is upcast when it is read, and says where it stands when it cannot be', async () => {
    const store = new MemoryEventStore()
    const Old = defineEvent('Priced', { schema: staticSchema<{ cents: number }>() })
    await store.saveEvents('s', [Old({ cents: 250 })])
    clearEventRegistry()
    defineEvent('Priced', { version: 2, upcast: { 1: (data) => ({ euros: (data as { cents: number }).cents / 100 }) } })
    expect(await store.getEvents('s')).toMatchObject([{ version: 2, data: { euros: 2.5 } }])
    clearEventRegistry()
    await store.saveEvents('s', [defineEvent('Priced', { schema: staticSchema<{ cents: number }>() })({ cents: 5_000 })])
    clearEventRegistry()
    defineEvent('Priced', {
      version: 2,
      upcast: {
        1: () => {
          throw new Error('too dear')
        },
      },
    })
    await expect(store.getEvents('s', 2)).rejects.toThrow('Version 2 of stream "s" can\'t be read')
  })

  test('is there for stores of others, too', async () => {
    const inner = new MemoryEventStore()
    class Foreign {
      #reads = 0
      readonly name = 'foreign'
      get reads(): number {
        return this.#reads
      }
      readStream(stream: string): AsyncIterable<RecordedEvent> {
        this.#reads++
        return inner.readStream(stream)
      }
    }
    const foreign = new Foreign() as unknown as IEventStore & Foreign
    const store = withStoredEvents(foreign, {})
    await inner.saveEvents('s', [new Deposited(3)])
    expect(await store.getEvents('s')).toMatchObject([{ amount: 3 }])
    expect([store.name, foreign.reads]).toEqual(['foreign', 1])
    expect(withStoredEvents(inner, {})).toBe(inner)
  })
})
