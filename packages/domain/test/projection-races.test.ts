import { defineEvent, staticSchema } from '@interline/core'
import { Projection, type ProjectionOptions, ProjectionStoppedError } from '@interline/domain'
import { MemoryEventStore } from '@interline/memory'
import { Gate, waitFor } from '@interline/testing'
import { expect, test, vi } from 'vitest'

const Counted = defineEvent('RacesCounted', { schema: staticSchema<{ n: number }>() })
const quiet = {
  logger: { warn: () => undefined, error: () => undefined },
  pollMs: 20,
  retry: { maxAttempts: 2, backoff: { delayMs: 1 } },
} satisfies Partial<ProjectionOptions>

test('one that is closed while it starts handles nothing', async () => {
  const reached = new Gate()
  class SlowStore extends MemoryEventStore {
    override async connect(): Promise<void> {
      await reached.opened
      await super.connect()
    }
  }
  const store = new SlowStore()
  const projection = new Projection({ name: 'closing', store, ...quiet }).on(Counted, () => undefined)
  const started = projection.start()
  await projection.close()
  reached.open()
  await expect(started).rejects.toThrow('Projection "closing" is closed.')
  expect(await store.leases.acquire('projection:closing', 'somebody', { durationMs: 1_000 })).toBeDefined()
})

test('two who have it go on at once have it go on once', async () => {
  let runners = 0
  class WatchedStore extends MemoryEventStore {
    override onAppended(listener: () => void): () => void {
      runners++
      const stop = super.onAppended(listener)
      return () => {
        runners--
        stop()
      }
    }
  }
  const store = new WatchedStore()
  const given = new Gate()
  const release = store.leases.release.bind(store.leases)
  vi.spyOn(store.leases, 'release').mockImplementationOnce(async (lease) => {
    await given.opened
    return release(lease)
  })
  let broken = true
  const seen: number[] = []
  const projection = new Projection({ name: 'resumed', store, ...quiet }).on(Counted, ({ data }) => {
    if (broken) throw new Error('no such column')
    seen.push(data.n)
  })
  await store.saveEvents('counter', [Counted({ n: 1 })])
  await projection.start()
  await waitFor(async () => (await projection.status()).state === 'stopped')
  broken = false
  const resumed = Promise.all([projection.resume(), projection.resume()])
  await waitFor(async () => (await projection.status()).poison === undefined)
  given.open()
  await resumed
  await projection.caughtUp()
  await projection.close()
  expect(seen).toEqual([1])
  expect(runners).toBe(0)
})

test('a rebuild that an event has stopped is told to who waits for it, and goes on by resume', async () => {
  const store = new MemoryEventStore()
  let broken = true
  const projection = new Projection({ name: 'rebuilt', store, ...quiet }).on(Counted, (_, { generation }) => {
    if (broken && generation === 2) throw new Error('no such column')
  })
  await store.saveEvents('counter', [Counted({ n: 1 })])
  await projection.start()
  await projection.caughtUp()
  await projection.rebuild()
  await expect(projection.caughtUp()).rejects.toThrow(ProjectionStoppedError)
  expect(await projection.status()).toMatchObject({ state: 'running', live: 1, next: 2, poison: { generation: 2 } })
  broken = false
  await projection.resume()
  await projection.caughtUp()
  expect(await projection.status()).toMatchObject({ live: 2, next: undefined, poison: undefined })
  await projection.close()
})
