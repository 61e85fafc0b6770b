import { defineEvent, RetryLater, staticSchema } from '@interline/core'
import { describe, expect, test } from 'vitest'
import { recorder, testBus, VirtualClock } from '../src/index.js'

const day = 86_400_000
const OrderPlaced = defineEvent('testing.OrderPlaced', { topic: 'orders.placed', schema: staticSchema<{ orderId: string }>() })
const OrderCancelled = defineEvent('testing.OrderCancelled', { topic: 'orders.cancelled', schema: staticSchema<{ orderId: string }>() })

describe('the virtual clock', () => {
  test('runs timers in the order in which they are due, and those set on the way, too', async () => {
    const clock = new VirtualClock(new Date(0))
    const order: string[] = []
    clock.setTimer(() => order.push(`second at ${clock.now()}`), 20)
    clock.setTimer(() => {
      order.push(`first at ${clock.now()}`)
      void Promise.resolve().then(() => clock.setTimer(() => order.push(`between at ${clock.now()}`), 5))
    }, 10)
    clock.setTimer(() => order.push(`second, too, at ${clock.now()}`), 20)
    clock.setTimer(() => order.push('never'), 31)
    await clock.advance(30)
    expect(order).toEqual(['first at 10', 'between at 15', 'second at 20', 'second, too, at 20'])
    expect(clock.now()).toBe(30)
    expect(clock.monotonic()).toBe(30)
    expect(clock.nextDueAt).toBe(31)
  })

  test('forgets a cancelled timer, and refuses to go back', async () => {
    const clock = new VirtualClock()
    let ran = false
    clock.setTimer(() => (ran = true), 1).cancel()
    await clock.advance(10)
    expect(ran).toBe(false)
    expect(clock.pending).toBe(0)
    await expect(clock.advance(-1)).rejects.toThrow('Time goes forward')
  })
})

describe('the test bus', () => {
  test('lets retries of days happen in no time, and on the millisecond', async () => {
    await using harness = await testBus({ retry: { maxAttempts: 3, backoff: { type: 'fixed', delayMs: day, maxDelayMs: 30 * day } } })
    const seen = recorder<object>((_event, { attempt }) => {
      if (attempt < 3) throw new Error('Not today.')
    })
    await harness.bus.subscribe(OrderPlaced, seen.handle, { name: 'seen' })
    await harness.publish(OrderPlaced({ orderId: 'o-1' }))
    await harness.idle()
    expect(seen.runs).toHaveLength(1)
    await harness.advance(day - 1)
    expect(seen.runs).toHaveLength(1)
    await harness.advance(1)
    expect(seen.runs).toHaveLength(2)
    await harness.advance(3 * day)
    expect(seen.handled).toHaveLength(1)
    expect(harness.handled.map(({ attempt, error }) => [attempt, error?.message])).toEqual([
      [1, 'Not today.'],
      [2, 'Not today.'],
      [3, undefined],
    ])
    expect(harness.deadLetters).toEqual([])
  })

  test('holds scheduled events until their time, and knows that they were published', async () => {
    await using harness = await testBus()
    const seen = recorder<object>()
    await harness.bus.subscribe(OrderCancelled, seen.handle, { name: 'seen' })
    await harness.publish(OrderCancelled({ orderId: 'o-1' }), { delayMs: 3 * day })
    harness.expectPublished(OrderCancelled)
    expect(seen.runs).toHaveLength(0)
    await harness.advance(3 * day)
    expect(seen.runs).toHaveLength(1)
  })

  test('gives the published event that fits, with what handlers published, in order', async () => {
    await using harness = await testBus()
    await harness.bus.subscribe(OrderPlaced, ({ data }, context) => context.publish(OrderCancelled(data)), { name: 'canceller' })
    const placed = OrderPlaced({ orderId: 'o-1' })
    await harness.publish(placed)
    await harness.publish(OrderPlaced({ orderId: 'o-2' }))
    await harness.idle()
    const cancelled = harness.expectPublished(OrderCancelled, ({ data }) => data.orderId === 'o-1')
    expect(cancelled.metadata.causationId).toBe(placed.id)
    expect(harness.published.map(({ type }) => type.replace('testing.', ''))).toEqual([
      'OrderPlaced',
      'OrderCancelled',
      'OrderPlaced',
      'OrderCancelled',
    ])
    harness.expectPublished('orders.*')
    harness.expectNotPublished(OrderCancelled, ({ data }) => data.orderId === 'o-3')
  })

  test('lists what was published when the expected is missing', async () => {
    await using harness = await testBus()
    expect(() => harness.expectPublished(OrderCancelled)).toThrow('No testing.OrderCancelled was published. Nothing was published.')
    await harness.publish(OrderPlaced({ orderId: 'o-1' }))
    expect(() => harness.expectPublished(OrderPlaced, ({ data }) => data.orderId === 'o-2')).toThrow(
      'No testing.OrderPlaced was published that fits. Published:\n  1. testing.OrderPlaced on orders.placed {"orderId":"o-1"}',
    )
    expect(() => harness.expectNotPublished(OrderPlaced)).toThrow('should not have been')
  })

  test('shows dead letters, and that a handler asked for time', async () => {
    await using harness = await testBus({ retry: { maxAttempts: 2 } })
    await harness.bus.subscribe(
      OrderPlaced,
      () => {
        throw new RetryLater({ afterMs: day })
      },
      { name: 'later' },
    )
    await harness.publish(OrderPlaced({ orderId: 'o-1' }))
    await harness.advance(day - 1)
    expect(harness.deadLetters).toHaveLength(0)
    await harness.advance(1)
    expect(harness.deadLetters.map(({ handler, attempts, reason }) => ({ handler, attempts, reason }))).toEqual([
      { handler: 'later', attempts: 2, reason: 'exhausted' },
    ])
  })

  test('a handler that hangs runs into its timeout, and does not keep the bus open', async () => {
    await using harness = await testBus({ retry: { maxAttempts: 1 } })
    await harness.bus.subscribe(OrderPlaced, () => new Promise<void>(() => undefined), { name: 'hangs', failure: { timeoutMs: day } })
    await harness.publish(OrderPlaced({ orderId: 'o-1' }))
    await harness.advance(day)
    expect(harness.deadLetters[0]?.error.name).toBe('HandlerTimeoutError')
    await harness.publish(OrderPlaced({ orderId: 'o-2' }))
  })
})
