import assert from 'node:assert/strict'
import { inBatches, Reject } from '@interline/core'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { ascending, numbers, range, type ThingEvent, ThingMade, things } from '../contract/events.js'
import { quickRetry, type Room } from '../contract/room.js'
import { recorder } from '../waiting/recorder.js'

/** Item by item: done, tried again, given up. */
async function batchHandler(room: Room): Promise<void> {
  const bus = room.bus()
  const attempts = new Map<number, number[]>()
  const sizes: number[] = []
  const handler = inBatches<ThingEvent>(
    (events, contexts) => {
      sizes.push(events.length)
      return events.map(({ data: { n } }, index) => {
        attempts.set(n, [...(attempts.get(n) ?? []), contexts[index]?.attempt ?? 0])
        if (n % 10 === 3 && attempts.get(n)?.length === 1) return new Error('Again.')
        return n % 10 === 7 ? new Reject('Never.') : undefined
      })
    },
    { size: 10 },
  )
  await bus.subscribe(ThingMade, handler, { name: 'seen', failure: { retry: quickRetry(3) } })
  await bus.start()
  const count = room.count(1_000, 100)
  await bus.publishBatch(Array.from({ length: count }, (_, n) => ThingMade({ n, key: `key-${n}` })))
  await room.waitFor(() => attempts.size === count && [...attempts].every(([n, { length }]) => length === (n % 10 === 3 ? 2 : 1)), {
    what: 'every event to have its answers',
    progress: () => [...attempts.values()].flat().length,
  })
  await room.drained(bus)
  assert.ok(
    sizes.every((size) => size <= 10),
    'no batch is larger than was asked for',
  )
  assert.ok(sizes.length < count, 'events come together')
  for (const n of range(count)) assert.deepEqual(attempts.get(n), n % 10 === 3 ? [1, 2] : [1])
  const { letters } = await bus.deadLetters.list({}, { limit: count })
  assert.deepEqual(
    ascending(letters.map(({ message }) => JSON.parse(Buffer.from(message.data as string).toString()).n)),
    range(count).filter((n) => n % 10 === 7),
  )
}

const openMs = 100

/** A dependency that is down stops consuming, and takes no attempts; another group goes on. */
async function breaker(room: Room): Promise<void> {
  const bus = room.bus()
  let down = true
  let calls = 0
  const guarded = recorder<ThingEvent>(() => {
    calls++
    if (down) throw new Error('The dependency is down.')
  })
  const other = recorder<ThingEvent>()
  const count = room.count(500, 60)
  await bus.subscribe(ThingMade, guarded.handle, {
    name: 'guarded',
    group: 'guarded',
    concurrency: 4,
    failure: { retry: quickRetry(20) },
    flow: { circuitBreaker: { failures: 3, openMs } },
  })
  await bus.subscribe(ThingMade, other.handle, { name: 'other', group: 'other' })
  await bus.start()
  const began = performance.now()
  await bus.publishBatch(things(count, 5))
  await room.handled(other, count)
  const passed = (): number => performance.now() - began
  await room.waitFor(() => passed() > openMs * 5, { what: 'the time of five probes', progress: passed })
  const probes = Math.ceil(passed() / openMs)
  assert.ok(calls <= 3 + 4 + probes, `${calls} calls of what is down, in the time of ${probes} probes`)
  down = false
  await room.handled(guarded, count)
  await room.drained(bus)
  assert.deepEqual(ascending(numbers(guarded.events)), ascending(numbers(things(count, 5))))
}

export const flowCases: readonly BrokerCase[] = cases(
  {
    id: 'B20',
    title: 'batches: a batch handler answers for each event: done, again, given up',
    needs: ({ retry, deadLetters }) => retry && deadLetters !== 'none',
    run: batchHandler,
  },
  {
    id: 'B39',
    title: 'a circuit breaker stops consuming while a dependency is down, and loses nothing',
    needs: ({ retry }) => retry,
    run: breaker,
  },
)
