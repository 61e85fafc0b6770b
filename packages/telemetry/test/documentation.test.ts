import { readFileSync } from 'node:fs'
import { defineEvent, EventBus, Reject, staticSchema, topic } from '@interline/core'
import { MemoryBroker, MemoryEventStore } from '@interline/memory'
import { BusMetrics, EventTracker, metricDefinitions, prometheusName, tracing } from '@interline/telemetry'
import { beforeAll, describe, expect, it } from 'vitest'
import { type SeenSpan, tracer } from './spans.js'

const page = readFileSync(new URL('../../../docs/observability.md', import.meta.url), 'utf8')
const Placed = defineEvent('shown.Placed', { topic: 'shown.placed', schema: staticSchema<{ n: number }>(), key: () => 'k-1' })
const Other = defineEvent('shown.Other', { topic: 'elsewhere.other', schema: staticSchema<{ n: number }>() })
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** Rows of the table whose first heading is this, as the plain text of their cells. */
function table(heading: string): readonly (readonly string[])[] {
  const lines = page.split('\n')
  const from = lines.findIndex((line) => line.startsWith(`| ${heading} `))
  const rows = lines.slice(from + 2)
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.replaceAll('`', '').trim()),
    )
}

/** Everything that can be watched happens once. */
async function everything(brokerName: string, metrics: BusMetrics): Promise<readonly SeenSpan[]> {
  const { provider, spans } = tracer()
  const instrumentation = [tracing({ tracerProvider: provider, settle: true }), metrics, new EventTracker()]
  const broker = Object.assign(new MemoryBroker(), { name: brokerName })
  const common = { broker, instrumentation, logger: quiet, retry: { maxAttempts: 2, backoff: { delayMs: 1, jitter: 0 } } }
  await using bus = new EventBus({ service: 'shop', ...common, store: new MemoryEventStore() })
  const handle = ({ data }: { data: { n: number } }, { attempt }: { attempt: number }): void => {
    if (data.n === 1) throw new Reject('never')
    if (data.n === 2 && attempt === 1) throw new Error('later')
  }
  await bus.subscribe(topic<{ data: { n: number } }>('shown.>'), handle as never, { name: 'billing', order: 'none' })
  await bus.publish(Placed({ n: 0 }))
  await bus.publishBatch([Placed({ n: 1 }), Placed({ n: 2 })])
  await bus.idle()
  await metrics.collect()
  await using plain = new EventBus({ service: 'plain', ...common })
  await plain.publishBatch([Placed({ n: 3 }), Other({ n: 4 })])
  return spans()
}

describe('the page on observability', () => {
  const metrics = new BusMetrics()
  let spans: readonly SeenSpan[] = []
  beforeAll(async () => {
    const seen = [await everything('memory', metrics), await everything('kafka', metrics), await everything('rabbitmq', metrics)]
    spans = seen.flat()
  })

  it('names every span that there is, and no other', () => {
    const named = table('span').flatMap(([names = '']) => names.split(', ').map((name) => name.replace(' <destination>', '')))
    const emitted = spans.map(({ name }) => name.split(' ')[0] ?? '')
    expect(new Set(emitted)).toEqual(new Set(named))
  })

  it('names every attribute that spans have, and no other', () => {
    const named = table('attribute').map(([name]) => name)
    expect([...new Set(spans.flatMap(({ attributes }) => Object.keys(attributes)))].sort()).toEqual([...named].sort())
  })

  it('names every value of what an operation and an outcome can be', () => {
    for (const name of ['messaging.operation.name', 'messaging.operation.type', 'interline.outcome']) {
      const [, , values = ''] = table('attribute').find(([attribute]) => attribute === name) ?? []
      const emitted = spans.flatMap(({ attributes }) => (attributes[name] === undefined ? [] : [String(attributes[name])]))
      expect(new Set([...emitted, ...(name === 'interline.outcome' ? ['interrupted'] : [])])).toEqual(new Set(values.split(', ')))
    }
  })

  it('has every metric with its names, kind, unit, labels and meaning', () => {
    const definitions = [...metrics.definitions, ...new EventTracker().definitions]
    const expected = definitions.map((each) => [
      each.name,
      prometheusName(each),
      each.kind,
      each.unit,
      each.labels.join(', '),
      each.description,
    ])
    expect(table('metric')).toEqual(expected)
  })

  it('has no label that a metric does not have', () => {
    const emitted = metrics
      .families()
      .flatMap(({ definition, points }) => points.map(({ labels }) => ({ definition, labels: Object.keys(labels) })))
    for (const { definition, labels } of emitted) expect(definition.labels).toEqual(expect.arrayContaining(labels))
    expect(emitted.length).toBeGreaterThan(Object.keys(metricDefinitions).length / 2)
  })
})
