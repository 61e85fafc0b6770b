import { MemoryEventStore } from '@interline/memory'
import { waitFor } from '@interline/testing'
import { describe, expect, test } from 'vitest'
import { RetryPolicy } from '../../delivery/retry-policy.js'
import type { Position } from '../../ports/event-store.js'
import type { WireMessage } from '../../ports/message.js'
import { systemClock } from '../../system-clock.js'
import { Processor, type ProcessorSettings } from './processor.js'
import type { ProcessorState } from './processor-state.js'

const messages = (count: number): WireMessage[] =>
  Array.from({ length: count }, (_, index) => ({
    destination: 'd',
    topic: 'd.t',
    key: undefined,
    attributes: { specversion: '1.0', id: `e-${index}`, source: 's', type: 'T' },
    data: '{}',
  }))

function processorOf(store: MemoryEventStore, settings: Partial<ProcessorSettings> & Pick<ProcessorSettings, 'handle'>): Processor {
  return new Processor({
    store,
    name: 'p',
    owner: `owner-${Math.random()}`,
    from: 'beginning',
    filter: {},
    batchSize: 4,
    pollMs: 5,
    leaseMs: 60,
    retry: new RetryPolicy({ maxAttempts: 2, backoff: { type: 'fixed', delayMs: 1 } }),
    poison: 'stop',
    clock: systemClock,
    load: async () => store.checkpoints.load('p'),
    save: async (position, expected) => store.checkpoints.save('p', position, expected),
    onState: () => undefined,
    onSkipped: () => undefined,
    ...settings,
  })
}

describe('a processor', () => {
  test('that has lost its lease while it works is told so, and moves nothing', async () => {
    const store = new MemoryEventStore()
    await store.append('s', messages(8))
    let taken = false
    const leases: ProcessorSettings['store']['leases'] = {
      acquire: (...words) => (taken ? undefined : store.leases.acquire(...words)),
      renew: (...words) => !taken && store.leases.renew(...words),
      release: (lease) => store.leases.release(lease),
    }
    const told: boolean[] = []
    const stale = processorOf(store, {
      store: {
        leases,
        connect: () => undefined,
        head: () => store.head(),
        readAll: (options) => store.readAll(options),
        onAppended: (callback) => store.onAppended(callback),
      },
      handle: async ({ signal }) => {
        taken = true
        await waitFor(() => signal.aborted, { what: 'the lease to be lost' })
        told.push(signal.aborted)
        return undefined
      },
    })
    await stale.start()
    await waitFor(() => stale.state.kind === 'waiting' && told.length === 1, { what: 'it to wait' })
    expect(store.checkpoints.load('p')).toBe('0')
    await stale.close()
  })

  test('whose handler saves the checkpoint with its effects does neither without the other', async () => {
    const store = new MemoryEventStore()
    await store.append('s', messages(20))
    const kept = { position: undefined as Position | undefined, total: 0 }
    let failing = true
    const sizes: number[] = []
    const processor = processorOf(store, {
      load: async () => kept.position,
      save: async (position, expected) => {
        if (expected === undefined) kept.position = position
        return true
      },
      handle: async ({ events, expected, position }) => {
        sizes.push(events.length)
        if (kept.position !== expected) throw new Error('somebody else was here')
        if (failing && events.some(({ version }) => version === 6)) {
          if (events.length === 1) failing = false
          throw new Error('rolled back')
        }
        Object.assign(kept, { position, total: kept.total + events.length })
        return undefined
      },
    })
    await processor.start()
    await waitFor(() => processor.state.kind === 'live', { what: 'it to have caught up' })
    expect(kept).toEqual({ position: '20', total: 20 })
    // The batch of four with the sixth in it failed; its events went one at a time, the sixth twice, and then batches again.
    expect(sizes).toEqual([4, 4, 1, 1, 1, 1, 1, 4, 4, 4])
    await processor.close()
  })

  test('goes on from its checkpoint when the store answers again, and says what was wrong', async () => {
    const store = new MemoryEventStore()
    await store.append('s', messages(8))
    let down = false
    const seen: number[] = []
    const states: ProcessorState[] = []
    const processor = processorOf(store, {
      onState: (state) => states.push(state),
      save: async (position, expected) => {
        if (!down && position === '4') {
          down = true
          throw new Error('the connection was lost')
        }
        return store.checkpoints.save('p', position, expected)
      },
      handle: async ({ events }) => {
        seen.push(...events.map(({ version }) => version))
        return undefined
      },
    })
    await processor.start()
    await waitFor(() => processor.state.kind === 'live', { what: 'it to have caught up' })
    expect(seen).toEqual([1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(states.map(({ kind }) => kind)).toEqual(['catching-up', 'interrupted', 'catching-up', 'live'])
    await processor.close()
  })

  test('begins anew where its checkpoint was removed, and from where it was put', async () => {
    const store = new MemoryEventStore()
    await store.append('s', messages(4))
    const seen: number[] = []
    const processor = processorOf(store, {
      handle: async ({ events }) => {
        seen.push(...events.map(({ version }) => version))
        return undefined
      },
    })
    await processor.start()
    await waitFor(() => processor.state.kind === 'live', { what: 'it to have caught up' })
    store.checkpoints.save('p', '2', '4')
    await store.append('s', messages(5).slice(4))
    await waitFor(() => seen.length >= 8, { what: 'it to notice' })
    expect(seen).toEqual([1, 2, 3, 4, 5, 3, 4, 5])
    await processor.close()
  })

  test('ends where its store is closed', async () => {
    const store = new MemoryEventStore()
    const processor = processorOf(store, { handle: async () => undefined })
    await processor.start()
    await waitFor(() => processor.state.kind === 'live', { what: 'it to run' })
    await store.append('s', messages(1))
    store.close()
    await waitFor(() => processor.state.kind === 'closed', { what: 'it to end' })
    await processor.close()
    expect(processor.state.kind).toBe('closed')
  })
})
