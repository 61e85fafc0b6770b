import { defineEvent, EventBus, staticSchema } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import {
  type Alert,
  type AlertRule,
  AlertWatch,
  BusMetrics,
  defaultAlertRules,
  type Family,
  prometheusName,
  prometheusRules,
} from '@interline/telemetry'
import { VirtualClock } from '@interline/testing'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

const minuteMs = 60_000
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const Placed = defineEvent('alerted.Placed', { topic: 'alerted.placed', schema: staticSchema<{ n: number }>() })

const definition = { unit: '1', description: '', labels: [] }
const gauge = (name: string, value: number): Family => ({
  kind: 'gauge',
  definition: { ...definition, name, kind: 'gauge' },
  points: [{ labels: {}, value }],
})
const counter = (name: string, value: number): Family => ({
  kind: 'counter',
  definition: { ...definition, name, kind: 'counter' },
  points: [{ labels: {}, value }],
})

/** A watch over figures that the test sets, which looks once a second. */
function watching(rules: readonly AlertRule[]) {
  const clock = new VirtualClock()
  const told: string[] = []
  const source = { definitions: [], current: [] as Family[], families: () => source.current }
  const tell =
    (what: string) =>
    ({ rule, value }: Alert): void =>
      void told.push(`${what} ${rule.name} at ${value}`)
  const watch = new AlertWatch({ metrics: source, rules, everyMs: 1_000, onFiring: tell('firing'), onResolved: tell('resolved') })
  const bus = { service: 'shop', clock, gauges: async () => [], health: async () => ({ status: 'pass', checks: {} }) as const }
  watch.started(bus)
  return { clock, told, source, watch, bus }
}

const queue: AlertRule = {
  name: 'Queue',
  summary: 'Too many',
  severity: 'critical',
  measure: { kind: 'gauge', metric: 'size' },
  above: 100,
  clearsAt: 50,
  forMs: 5 * minuteMs,
  clearForMs: minuteMs,
}

describe('an alert', () => {
  it('fires only when its figure was too high for as long as its rule says, without a break', async () => {
    const { clock, told, source } = watching([queue])
    source.current = [gauge('size', 101)]
    await clock.advance(4 * minuteMs)
    source.current = [gauge('size', 100)]
    await clock.advance(1_000)
    source.current = [gauge('size', 150)]
    await clock.advance(5 * minuteMs)
    expect(told).toEqual([])
    await clock.advance(1_000)
    expect(told).toEqual(['firing Queue at 150'])
    await clock.advance(10 * minuteMs)
    expect(told).toHaveLength(1)
  })

  it('is resolved only when its figure was low enough for long enough: what goes up and down in between is one alert', async () => {
    const { clock, told, source, watch } = watching([{ ...queue, forMs: 0 }])
    source.current = [gauge('size', 101)]
    await clock.advance(1_000)
    for (const size of [60, 99, 51, 101]) {
      source.current = [gauge('size', size)]
      await clock.advance(2 * minuteMs)
    }
    source.current = [gauge('size', 50)]
    await clock.advance(30_000)
    source.current = [gauge('size', 51)]
    await clock.advance(2_000)
    source.current = [gauge('size', 50)]
    await clock.advance(minuteMs)
    expect(told).toEqual(['firing Queue at 101'])
    expect(watch.firing).toMatchObject([{ rule: { name: 'Queue' }, value: 50 }])
    await clock.advance(1_000)
    expect(told.at(-1)).toBe('resolved Queue at 50')
    expect(watch.firing).toEqual([])
  })

  it('stays as it is while its figure can not be had', async () => {
    const { clock, told, source } = watching([{ ...queue, forMs: 0 }])
    source.current = [gauge('size', 200)]
    await clock.advance(1_000)
    source.current = []
    await clock.advance(10 * minuteMs)
    expect(told).toEqual(['firing Queue at 200'])
  })

  it('of a share looks at what happened within its window, and only where enough did', async () => {
    const rule: AlertRule = {
      ...queue,
      name: 'Share',
      measure: { kind: 'ratio', of: 'bad', to: ['good', 'bad'], windowMs: minuteMs, atLeast: 10 },
      above: 0.1,
      clearsAt: 0.1,
      forMs: 0,
      clearForMs: 0,
    }
    const { clock, told, source } = watching([rule])
    source.current = [counter('good', 4), counter('bad', 5)]
    await clock.advance(10_000)
    expect(told).toEqual([])
    source.current = [counter('good', 5), counter('bad', 5)]
    await clock.advance(1_000)
    expect(told).toEqual(['firing Share at 0.5'])
    source.current = [counter('good', 1_005), counter('bad', 105)]
    await clock.advance(1_000)
    expect(told.at(-1)).toMatch(/^resolved Share at 0.09/)
    await clock.advance(2 * minuteMs)
    source.current = [counter('good', 1_005), counter('bad', 155)]
    await clock.advance(1_000)
    expect(told.at(-1)).toBe('firing Share at 1')
  })

  it('ends with the bus', async () => {
    const { clock, watch, bus } = watching([queue])
    watch.closing(bus)
    expect(clock.pending).toBe(0)
  })

  it('whose callback throws is reported, and the others go on', async () => {
    const reported: unknown[] = []
    const clock = new VirtualClock()
    const told: string[] = []
    const watch = new AlertWatch({
      metrics: { definitions: [], families: () => [gauge('size', 200)] },
      rules: ['One', 'Two'].map((name) => ({ ...queue, name, forMs: 0 })),
      onFiring: ({ rule }) => {
        told.push(rule.name)
        throw new Error('pager is away')
      },
      logger: { error: (message, fields) => void reported.push([message, fields]) },
    })
    watch.evaluate(clock)
    await Promise.resolve()
    await Promise.resolve()
    expect(told).toEqual(['One', 'Two'])
    expect(reported).toContainEqual(['Nobody was told of the alert "One".', { error: 'pager is away' }])
  })

  it.each([
    ['name', { name: 'no spaces please' }],
    ['clears', { clearsAt: 101 }],
    ['duration', { forMs: -1 }],
    ['number', { above: Number.NaN }],
    ['window', { measure: { kind: 'quantile', metric: 'm', quantile: 0.9, windowMs: 0 } }],
    ['quantile', { measure: { kind: 'quantile', metric: 'm', quantile: 1, windowMs: 1 } }],
  ] as const)('of a rule with a wrong %s is refused', (what, wrong) => {
    expect(
      () => new AlertWatch({ metrics: { definitions: [], families: () => [] }, rules: [{ ...queue, ...wrong } as AlertRule] }),
    ).toThrow(what)
  })
})

describe('the default rules', () => {
  it('fire over a bus: a queue of 1,001 for 5 minutes, failures over a tenth, an event of 31 s, a lag of 1,001', async () => {
    const clock = new VirtualClock(Date.now())
    const metrics = new BusMetrics({ gauges: { 'outbox.queue.size': () => 1_001, 'interline.lag': () => 1_001 } })
    const fired: string[] = []
    const alerts = new AlertWatch({ metrics, onFiring: ({ rule }) => void fired.push(rule.name) })
    const instrumentation = [metrics, alerts]
    await using bus = new EventBus({ broker: new MemoryBroker(), clock, logger: quiet, retry: { maxAttempts: 1 }, instrumentation })
    await bus.subscribe(Placed, ({ data }) => (data.n < 2 ? Promise.reject(new Error('no')) : undefined), { name: 'billing' })
    for (let n = 0; n < 12; n++) await bus.publish(Placed({ n }, { timestamp: new Date(Date.now() - 31_000) }))
    await clock.advance(30_000)
    expect(fired.toString()).toBe('EventProcessingFailure,ConsumerLag')
    await clock.advance(minuteMs)
    expect(fired.at(-1)).toBe('HighLatency')
    await clock.advance(5 * minuteMs)
    expect(fired.at(-1)).toBe('HighOutboxQueue')
  })

  it('become rules of Prometheus over metrics that there are', () => {
    const file = parse(prometheusRules()) as { groups: { name: string; rules: Record<string, unknown>[] }[] }
    const [group] = file.groups
    expect(group?.name).toBe('interline')
    expect(group?.rules.map(({ alert }) => alert)).toEqual(defaultAlertRules.map(({ name }) => name))
    expect(group?.rules[0]).toEqual({
      alert: 'HighOutboxQueue',
      expr: 'max(outbox_queue_size) > 1000',
      for: '300s',
      keep_firing_for: '60s',
      labels: { severity: 'critical' },
      annotations: { summary: 'More than 1,000 events wait in the outbox for over 5 minutes.' },
    })
    expect(group?.rules[2]?.expr).toBe('histogram_quantile(0.99, sum by (le) (rate(event_processing_latency_seconds_bucket[300s]))) > 30')
    const known = new Set(new BusMetrics().definitions.map((each) => prometheusName(each)))
    const used =
      group?.rules.flatMap(({ expr }) => [...String(expr).matchAll(/\b(?:[a-z]+_[a-z_]+|EVENT_\w+)\b/g)].map(([name]) => name)) ?? []
    const functions = new Set(['histogram_quantile', 'max', 'sum', 'rate', 'increase', 'vector'])
    const strange = used.filter((name) => !functions.has(name) && !known.has(name.replace(/_bucket$/, '')))
    expect(strange).toEqual([])
    expect(prometheusRules(defaultAlertRules, { unitsInNames: false })).toContain('event_processing_latency_bucket[300s]')
  })

  it('of hostile text is still one text', () => {
    const rule = { ...queue, summary: 'quotes " and\n  - alert: Injected' }
    const file = parse(prometheusRules([rule])) as { groups: { rules: { annotations: { summary: string } }[] }[] }
    expect(file.groups[0]?.rules).toHaveLength(1)
    expect(file.groups[0]?.rules[0]?.annotations.summary).toBe(rule.summary)
  })
})
