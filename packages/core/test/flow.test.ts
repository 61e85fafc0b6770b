import {
  Bulkhead,
  CircuitBreaker,
  ConfigurationError,
  defineEvent,
  EventBus,
  inBatches,
  RateLimit,
  Reject,
  staticSchema,
} from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { Gate, testBus, VirtualClock, waitFor } from '@interline/testing'
import { describe, expect, test } from 'vitest'

const Made = defineEvent('flow.Made', { topic: 'flowing.made', schema: staticSchema<{ n: number }>() })
const numbers = (count: number) => Array.from({ length: count }, (_, n) => Made({ n }))

describe('a rate limit', () => {
  test('lets no more run in any span of its length, and none is lost or counted as an attempt', async () => {
    await using test = await testBus()
    const ran: { readonly at: number; readonly attempt: number }[] = []
    await test.bus.subscribe(Made, (_, { attempt }) => void ran.push({ at: test.clock.now(), attempt }), {
      name: 'slow',
      flow: { rateLimit: { limit: 10, perMs: 1_000 } },
    })
    await test.bus.publishBatch(numbers(45))
    await test.advance(10_000)
    expect(ran).toHaveLength(45)
    expect(ran.every(({ attempt }) => attempt === 1)).toBe(true)
    for (const { at } of ran) expect(ran.filter((other) => other.at >= at && other.at < at + 1_000).length).toBeLessThanOrEqual(10)
    expect(ran.at(-1)!.at - ran[0]!.at).toBe(4_400)
  })

  test('lets a burst begin at once after a pause', async () => {
    const clock = new VirtualClock()
    const rate = new RateLimit({ limit: 10, perMs: 1_000, burst: 3, clock })
    const waits = (count: number) => Array.from({ length: count }, () => rate.reserve())
    await clock.advance(60_000)
    expect(waits(5)).toEqual([0, 0, 0, 100, 200])
  })

  test('is refused where it can mean nothing', () => {
    expect(() => new RateLimit({ limit: 0, perMs: 1_000 })).toThrow('rateLimit.limit is 0')
    expect(() => new RateLimit({ limit: 1, perMs: 1, shared: { reserve: () => 0 } })).toThrow('needs rateLimit.name')
  })
})

describe('a circuit breaker', () => {
  test('stops running a handler whose dependency is down, without using up attempts, and goes on when a probe succeeds', async () => {
    await using test = await testBus({ retry: { maxAttempts: 4, backoff: { type: 'fixed', delayMs: 10 } } })
    let down = true
    let calls = 0
    const changes: string[] = []
    const handled: number[] = []
    await test.bus.subscribe(
      Made,
      ({ data }) => {
        calls++
        if (down) throw new Error('down')
        handled.push(data.n)
      },
      { name: 'guarded', flow: { circuitBreaker: { failures: 3, openMs: 60_000, onChange: (state) => changes.push(state) } } },
    )
    await test.bus.publishBatch(numbers(20))
    await test.advance(600_000)
    expect(calls, 'those that were under way when it opened, and a probe a minute').toBeLessThanOrEqual(16 + 10)
    expect(test.deadLetters).toEqual([])
    down = false
    await test.advance(120_000)
    expect([...handled].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    expect(changes.slice(0, 3)).toEqual(['open', 'half-open', 'open'])
    expect(changes.at(-1)).toBe('closed')
  })

  test('takes no notice of what says nothing of the dependency: a rejected event, or one that a filter kept out', async () => {
    await using test = await testBus({ retry: { maxAttempts: 1 } })
    const changes: string[] = []
    let ran = 0
    await test.bus.subscribe(
      Made,
      ({ data }) => {
        ran++
        if (data.n % 2 === 0) throw new Reject('not ours')
        throw new Error('down')
      },
      {
        name: 'guarded',
        filter: ({ data }) => data.n < 6,
        flow: { circuitBreaker: { failures: 3, openMs: 1_000, onChange: (state) => changes.push(state) } },
      },
    )
    for (const event of numbers(10)) await test.publish(event)
    expect(changes).toEqual(['open'])
    expect(ran).toBe(6)
  })

  test('guards calls of your own, and refuses them while it is open', async () => {
    const clock = new VirtualClock()
    const breaker = new CircuitBreaker({ name: 'bank', failures: 2, openMs: 1_000, clock })
    const fail = () => breaker.run(() => Promise.reject(new Error('down')))
    await expect(fail()).rejects.toThrow('down')
    await expect(fail()).rejects.toThrow('down')
    await expect(breaker.run(() => 1)).rejects.toMatchObject({ code: 'INTERLINE_CIRCUIT_OPEN', message: expect.stringContaining('bank') })
    await clock.advance(1_000)
    expect(breaker.state).toBe('half-open')
    await expect(breaker.run(() => 1)).resolves.toBe(1)
    expect(breaker.state).toBe('closed')
  })

  test.each([
    ['succeeds', (): unknown => 1],
    ['says nothing of it', (): unknown => Promise.reject(new Reject('not ours'))],
    ['fails', (): unknown => Promise.reject(new Error('down'))],
  ] as const)('a call from before it opened that %s is no probe', async (_, end) => {
    const clock = new VirtualClock()
    const breaker = new CircuitBreaker({ failures: 1, openMs: 1_000, clock })
    const [old, probe] = [new Gate(), new Gate()]
    const before = breaker.run(() => old.opened.then(end)).catch(() => undefined)
    await expect(breaker.run(() => Promise.reject(new Error('down')))).rejects.toThrow('down')
    await clock.advance(1_000)
    const probing = breaker.run(() => probe.opened)
    old.open()
    await before
    expect(breaker.state).toBe('half-open')
    await expect(breaker.run(() => 1)).rejects.toMatchObject({ code: 'INTERLINE_CIRCUIT_OPEN' })
    probe.open()
    await probing
    expect(breaker.state).toBe('closed')
  })
})

test('a bulkhead bounds the handlers that share it together', async () => {
  const bulkhead = new Bulkhead({ maxConcurrent: 3 })
  await using bus = new EventBus({ broker: new MemoryBroker() })
  let running = 0
  let most = 0
  let done = 0
  const work = async (): Promise<void> => {
    most = Math.max(most, ++running)
    await new Promise(setImmediate)
    running--
    done++
  }
  await bus.subscribe(Made, work, { name: 'one', group: 'a', flow: { bulkhead } })
  await bus.subscribe(Made, work, { name: 'two', group: 'b', flow: { bulkhead } })
  await bus.start()
  await bus.publishBatch(numbers(50))
  await waitFor(() => done === 100)
  expect(most).toBe(3)
})

describe('a batch handler', () => {
  test('gets events together, and answers for each: done, again, or given up', async () => {
    await using test = await testBus({ retry: { maxAttempts: 3, backoff: { type: 'fixed', delayMs: 10 } } })
    const batches: number[][] = []
    const attempts = new Map<number, number>()
    const handler = inBatches<ReturnType<typeof Made>>(
      (events, contexts) => {
        batches.push(events.map(({ data }) => data.n))
        return events.map(({ data }, index) => {
          attempts.set(data.n, contexts[index]!.attempt)
          if (data.n === 3) return new Error('again')
          return data.n === 5 ? new Reject('never') : undefined
        })
      },
      { size: 4, waitMs: 50 },
    )
    await test.bus.subscribe(Made, handler, { name: 'index' })
    await test.bus.publishBatch(numbers(10))
    await test.advance(1_000)
    expect(batches.slice(0, 3)).toEqual(
      [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
      ].map((batch) => expect.arrayContaining(batch)),
    )
    expect(Object.fromEntries(attempts)).toEqual({ 0: 1, 1: 1, 2: 1, 3: 3, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1, 9: 1 })
    expect(test.deadLetters.map(({ reason, eventId }) => [reason, eventId !== ''])).toEqual(
      expect.arrayContaining([
        ['rejected', true],
        ['exhausted', true],
      ]),
    )
  })

  test('that throws fails them all, and an answer of the wrong length is an error', async () => {
    await using test = await testBus({ retry: { maxAttempts: 1 } })
    const handler = inBatches(() => [undefined], { size: 3, waitMs: 10 })
    await test.bus.subscribe(Made, handler, { name: 'wrong' })
    await test.bus.publishBatch(numbers(3))
    await test.advance(100)
    expect(test.deadLetters).toHaveLength(3)
    expect(test.deadLetters[0]?.error.message).toContain('answered 1 for 3 events')
    expect(() => inBatches(() => undefined, { size: 0 })).toThrow(ConfigurationError)
  })
})

test('closing does not wait for what a gate holds back', async () => {
  const bus = new EventBus({ broker: new MemoryBroker() })
  let ran = 0
  await bus.subscribe(Made, () => void ran++, { name: 'slow', flow: { rateLimit: { limit: 1, perMs: 600_000 } } })
  await bus.start()
  await bus.publishBatch(numbers(5))
  await waitFor(() => ran === 1)
  const began = performance.now()
  await bus.close()
  expect(performance.now() - began).toBeLessThan(5_000)
  expect(ran).toBe(1)
})
