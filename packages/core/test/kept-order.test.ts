import {
  defineEvent,
  EventBus,
  type FailureOptions,
  type HandlerContext,
  type HandlerOptions,
  staticSchema,
  UnsupportedFeatureError,
} from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { recorder, waitFor } from '@interline/testing'
import { afterEach, expect, test } from 'vitest'

const Made = defineEvent('kept-order.Made', { topic: 'kept.made', schema: staticSchema<{ n: number }>(), key: () => 'one' })
const Other = defineEvent('kept-order.Other', { topic: 'kept.other', schema: staticSchema<{ n: number }>() })

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const buses: EventBus[] = []
afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close({ timeoutMs: 200 })
})

const keepOrder = { failure: { retry: { maxAttempts: 1 }, deadLetter: { keepOrder: true } } } as const

/** One process after the other, of one service on one broker. */
async function start(
  broker: MemoryBroker,
  handler: ((event: ReturnType<typeof Made>, context: HandlerContext) => unknown) | undefined,
  options: Omit<HandlerOptions, 'filter' | 'failure'> & {
    readonly failure?: Pick<FailureOptions<object>, 'retry' | 'deadLetter'>
  } = keepOrder,
) {
  const bus = new EventBus({ service: 'kept', broker, logger: silent })
  buses.push(bus)
  // the group consumes the destination also where the handler is not there
  await bus.subscribe(Other, () => undefined, { name: 'other' })
  if (handler !== undefined) await bus.subscribe(Made, handler, { ...options, name: 'made' })
  await bus.start()
  return bus
}

/** Number 1 is dead, 2 and 3 wait behind it. */
async function heldKey(broker: MemoryBroker): Promise<void> {
  const bus = await start(broker, ({ data }) => {
    if (data.n === 1) throw new Error('not this one')
  })
  await bus.publishBatch([1, 2, 3].map((n) => Made({ n })))
  await waitFor(async () => (await bus.deadLetters.count()) === 3, { what: 'one dead and two parked' })
  await bus.close()
}

async function reasons(bus: EventBus): Promise<readonly string[]> {
  return (await bus.deadLetters.list()).letters.map(({ reason }) => reason)
}

test('a redrive that finds no handler leaves the dead event first of its key', async () => {
  const broker = new MemoryBroker()
  await heldKey(broker)
  const without = await start(broker, undefined)
  await without.deadLetters.redrive({})
  await without.idle()
  expect(await reasons(without)).toEqual(['orphaned', 'parked', 'parked'])
  await without.close()
  const seen = recorder<ReturnType<typeof Made>>()
  const bus = await start(broker, seen.handle)
  await bus.deadLetters.redrive({})
  await waitFor(async () => (await bus.deadLetters.count()) === 0, { what: 'no letters' })
  expect(seen.events.map(({ data }) => data.n)).toEqual([1, 2, 3])
})

test('a discard that finds no handler makes no dead letter of what was discarded', async () => {
  const broker = new MemoryBroker()
  await heldKey(broker)
  const without = await start(broker, undefined)
  await without.deadLetters.discard({})
  await without.idle()
  expect(await reasons(without)).toEqual([])
})

test.each([
  ['keeps order no more', { failure: { retry: { maxAttempts: 1 } } }],
  ['has given up order', { order: 'none', failure: { retry: { maxAttempts: 1 } } }],
] as const)('what was discarded is not run by a handler that %s', async (_, options) => {
  const broker = new MemoryBroker()
  await heldKey(broker)
  const seen = recorder<ReturnType<typeof Made>>()
  const bus = await start(broker, seen.handle, options)
  await bus.deadLetters.discard({})
  await bus.idle()
  expect(seen.runs).toEqual([])
  expect(await reasons(bus)).toEqual([])
})

test('a redrive to a handler that has given up order runs them all, and leaves no letters', async () => {
  const broker = new MemoryBroker()
  await heldKey(broker)
  const seen = recorder<ReturnType<typeof Made>>()
  const bus = await start(broker, seen.handle, { order: 'none', failure: { retry: { maxAttempts: 1 } } })
  await bus.deadLetters.redrive({ reason: 'exhausted' })
  await waitFor(async () => (await bus.deadLetters.count()) === 0, { what: 'no letters' })
  expect(seen.events.map(({ data }) => data.n)).toEqual([1, 2, 3])
})

test('a handler that would keep order is refused in a group that keeps none, also when it comes later', async () => {
  const bus = await start(new MemoryBroker(), () => undefined, { order: 'none' })
  await expect(bus.subscribe(Other, () => undefined, { ...keepOrder, name: 'late', group: 'alone', order: 'none' })).rejects.toThrow(
    UnsupportedFeatureError,
  )
  await bus.subscribe(Other, () => undefined, { name: 'early', group: 'loose', order: 'none' })
  await expect(bus.subscribe(Other, () => undefined, { ...keepOrder, name: 'late', group: 'loose' })).rejects.toThrow(
    UnsupportedFeatureError,
  )
})
