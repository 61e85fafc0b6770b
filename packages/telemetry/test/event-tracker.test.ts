import { defineEvent, EventBus, staticSchema } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { EventTracker } from '@interline/telemetry'
import { describe, expect, it } from 'vitest'

const Placed = defineEvent('tracked.Placed', { topic: 'tracked.placed', schema: staticSchema<{ n: number }>() })
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

describe('an event tracker', () => {
  it('knows total, types, failures and percentiles of what it was told', async () => {
    const tracker = new EventTracker()
    for (let n = 1; n <= 100; n++) await tracker.track({ type: 'A' }, { latencyMs: n, failed: n > 90 })
    await tracker.track({ eventType: 'B' }, { latencyMs: 1_000 })
    const stats = await tracker.getStats()
    expect(stats).toMatchObject({ total: 101, byType: { A: 100, B: 1 } })
    expect(stats.failureRate).toBeCloseTo(10 / 101)
    expect(stats.averageLatency).toBeCloseTo((5_050 + 1_000) / 101)
    for (const [share, right] of [
      ['p50', 51],
      ['p90', 91],
      ['p99', 100],
    ] as const)
      expect(Math.abs(stats.timeDistribution[share] - right) / right).toBeLessThan(0.02)
    expect(await tracker.getStats({ type: 'B' })).toMatchObject({ total: 1, averageLatency: 1_000 })
    expect(await tracker.getLatency('B')).toBe(1_000)
    expect(await tracker.getLatency('unknown')).toBe(0)
    expect(await tracker.getStats({ types: [] })).toMatchObject({ total: 0, failureRate: 0, timeDistribution: { p99: 0 } })
  })

  it('tracks by itself as instrumentation of a bus, from the making of an event to the end of its handler', async () => {
    const tracker = new EventTracker()
    await using bus = new EventBus({ broker: new MemoryBroker(), instrumentation: tracker, logger: quiet, retry: { maxAttempts: 1 } })
    await bus.subscribe(Placed, ({ data }) => (data.n === 1 ? Promise.reject(new Error('no')) : undefined), { name: 'billing' })
    for (const n of [0, 1]) await bus.publish(Placed({ n }, { timestamp: new Date(Date.now() - 5_000) }))
    await bus.idle()
    const stats = await tracker.getStats()
    expect(stats).toMatchObject({ total: 2, failureRate: 0.5, byType: { 'tracked.Placed': 2 } })
    expect(stats.averageLatency).toBeGreaterThanOrEqual(5_000)
  })

  it('tracks an event whose metadata knows nothing of time', async () => {
    const metadata: { readonly correlationId: string } = { correlationId: 'request-1' }
    const tracker = new EventTracker()
    await tracker.track({ type: 'A', timestamp: new Date(Date.now() - 1_000), metadata })
    await tracker.track({ type: 'B', metadata: { timestamp: new Date(Date.now() - 1_000) } })
    await tracker.track({ type: 'C', metadata })
    expect(await tracker.getLatency('A')).toBeGreaterThanOrEqual(1_000)
    expect(await tracker.getLatency('B')).toBeGreaterThanOrEqual(1_000)
    expect(await tracker.getStats({ type: 'C' })).toMatchObject({ total: 1, averageLatency: 0 })
  })

  it('takes whatever comes, in bounded memory', async () => {
    const tracker = new EventTracker({ maxTypes: 10 })
    for (let n = 0; n < 1_000; n++) await tracker.track({ type: `hostile-${n}`, timestamp: new Date(Date.now() + 1e9) })
    await tracker.track({ type: '__proto__', timestamp: 'no date' })
    await tracker.track({}, { latencyMs: Number.POSITIVE_INFINITY })
    const { total, byType, timeDistribution } = await tracker.getStats()
    expect([total, Object.keys(byType).length, byType.other]).toEqual([1_002, 11, 992])
    expect(Number.isFinite(timeDistribution.p99)).toBe(true)
    const own = new EventTracker()
    await own.track({ type: '__proto__' }, { latencyMs: 1 })
    expect(Object.keys((await own.getStats()).byType)).toEqual(['__proto__'])
  })
})
