import { ConfigurationError, defineEvent, EventBus, type EventBusOptions, type IIdempotencyStore, staticSchema } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { Gate, waitFor } from '@interline/testing'
import { afterEach, expect, test } from 'vitest'

const Happened = defineEvent('inside.Happened', { topic: 'inside.happened', schema: staticSchema<{ n: number }>() })
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

const buses: EventBus[] = []

function makeBus(options: Partial<EventBusOptions> = {}): EventBus {
  const bus = new EventBus({ broker: new MemoryBroker(), logger: silent, ...options })
  buses.push(bus)
  return bus
}

afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close({ timeoutMs: 200 })
})

test('a handler that closes its bus comes to its end, and its event is handled', async () => {
  const broker = new MemoryBroker()
  const bus = makeBus({ broker })
  const closed = async (): Promise<void> => {
    await bus.close()
  }
  await bus.subscribe(Happened, closed, { name: 'closing' })
  await bus.publish(Happened({ n: 1 }))
  await bus.close({ timeoutMs: 5_000 })
  expect(broker.getMetrics()).toMatchObject({ acked: 1, lag: 0 })
})

test('a handler that waits for its bus to be idle is told that it never would be', async () => {
  const bus = makeBus({ retry: { maxAttempts: 1 } })
  await bus.subscribe(Happened, () => bus.idle(), { name: 'waiting' })
  await bus.publish(Happened({ n: 1 }))
  await bus.idle()
  expect((await bus.deadLetters.list()).letters).toMatchObject([{ error: { name: ConfigurationError.name } }])
})

test('a handler that was unsubscribed while it was to be run again is not run again, and its event is kept', async () => {
  const bus = makeBus({ retry: { maxAttempts: 50, backoff: { type: 'fixed', delayMs: 20, jitter: 0 } } })
  let runs = 0
  const failing = await bus.subscribe(Happened, () => Promise.reject(new Error(`run ${++runs}`)), { name: 'failing' })
  await bus.subscribe(Happened, () => undefined, { name: 'other' })
  await bus.publish(Happened({ n: 1 }))
  await waitFor(() => runs > 0, { what: 'the first run' })
  await failing.unsubscribe()
  const before = runs
  await bus.idle()
  expect(runs).toBe(before)
  expect((await bus.deadLetters.list()).letters).toMatchObject([{ handler: 'failing', reason: 'orphaned', attempts: before }])
})

test('a run that timed out while it waited for a free place never begins', async () => {
  const bus = makeBus({ retry: { maxAttempts: 1 } })
  const gate = new Gate()
  const runs: number[] = []
  const handle = ({ data }: { data: { n: number } }): Promise<void> => {
    runs.push(data.n)
    return gate.opened
  }
  await bus.subscribe(Happened, handle, { name: 'single', concurrency: 1, failure: { timeoutMs: 20 } })
  await bus.publishBatch([Happened({ n: 1 }), Happened({ n: 2 })])
  await bus.idle()
  gate.open()
  await new Promise((resolve) => setImmediate(resolve))
  expect(runs).toEqual([1])
})

test('idle does not wait for what is kept for a subscription that has ended', async () => {
  const bus = makeBus()
  const subscription = await bus.subscribe(Happened, () => undefined, { name: 'gone' })
  await bus.start()
  await subscription.unsubscribe()
  await bus.publish(Happened({ n: 1 }))
  await bus.idle()
})

test('a bus closes in peace while its idempotency store is away', async () => {
  let asked = 0
  const idempotency: IIdempotencyStore = {
    claim: (claims) => claims.map(() => 'claimed'),
    renew: () => undefined,
    complete: () => {
      asked++
      return Promise.reject(new Error('The store is down.'))
    },
    release: () => undefined,
    size: () => 0,
  }
  const unhandled: unknown[] = []
  const keep = (reason: unknown): unknown => unhandled.push(reason)
  process.on('unhandledRejection', keep)
  const bus = makeBus({ idempotency })
  await bus.subscribe(Happened, () => Promise.resolve(), { name: 'done' })
  await bus.publish(Happened({ n: 1 }))
  await waitFor(() => asked > 0, { what: 'the first call' })
  await bus.close({ timeoutMs: 10 })
  const before = asked
  await waitFor(() => asked > before, { what: 'the last call' })
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', keep)
  expect(unhandled).toEqual([])
})
