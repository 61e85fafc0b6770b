import type { Gauge } from '@interline/core'
import { type HistogramValue, latencyBoundaries, sumOf } from './buckets.js'
import type { Cells } from './cells.js'
import type { Collected } from './collector.js'
import type { Count, Durations, GroupCounts, HandlerCounts, TypeCounts } from './counts.js'
import { definitions, type MetricDefinition } from './definitions.js'
import type { Family, Labels, Point } from './families.js'
import { labelled, operationLabels, processLabels } from './labels.js'

export interface Readings {
  readonly types: Cells<TypeCounts>['entries']
  readonly handlers: Cells<HandlerCounts>['entries']
  readonly groups: Cells<GroupCounts>['entries']
  readonly operations: Cells<Durations>['entries']
  readonly letters: Cells<Count>['entries']
  readonly losses: Cells<Count>['entries']
  readonly named: readonly Family[]
  readonly gauges: Collected
}

const gaugeDefinitions = {
  connected: [definitions.connected],
  lag: [definitions.lag],
  delayed: [definitions.delayed],
  unsettled: [definitions.unsettled],
  'dead-letters': [definitions.deadLetters],
  stored: [definitions.stored],
  unforwarded: [definitions.outboxSize, definitions.seedQueueSize],
  'unforwarded-age': [definitions.outboxAge],
} as const satisfies Readonly<Record<Gauge['kind'], readonly MetricDefinition[]>>

/** What was counted, as metrics: each figure under every name that it has. */
export function familiesOf(readings: Readings): readonly Family[] {
  return [...durations(readings), ...messages(readings), ...events(readings), ...readings.named, ...gauges(readings.gauges)]
}

function durations({ operations, handlers }: Readings): readonly Family[] {
  const operated = operations.flatMap(({ names: [broker, destination, operation], cell }) =>
    byKind(cell, (kind) => operationLabels({ broker, destination, operation, kind })),
  )
  const handled = handlers.flatMap(({ names: [broker, destination, group, handler], cell }) =>
    byKind(cell.durations, (kind) => processLabels({ broker, destination, group, handler, kind })),
  )
  return [
    { kind: 'histogram', definition: definitions.operationDuration, points: operated },
    { kind: 'histogram', definition: definitions.processDuration, points: handled },
  ]
}

function byKind({ good, failed }: Durations, labels: (kind: string) => Labels): readonly Point<HistogramValue>[] {
  return [['', good] as const, ...failed]
    .map(([kind, buckets]) => ({ labels: labels(kind), value: buckets.value }))
    .filter(({ value }) => value.count > 0)
}

function messages({ types, handlers, groups, letters, losses }: Readings): readonly Family[] {
  const sent = summed(
    types.flatMap(({ names: [broker, destination], cell }) =>
      [['', cell.sent] as const, ...cell.notSent.counts].map(([kind, value]) => ({
        labels: labelled(definitions.sentMessages.labels, [broker, 'send', 'send', destination, kind]),
        value,
      })),
    ),
  )
  const consumed = groups.map(({ names: [broker, destination, group], cell }) => ({
    labels: labelled(definitions.consumedMessages.labels, [broker, 'poll', 'receive', destination, group]),
    value: cell.delivered,
  }))
  return [
    { kind: 'counter', definition: definitions.sentMessages, points: aboveZero(sent) },
    { kind: 'counter', definition: definitions.consumedMessages, points: aboveZero(consumed) },
    counter(definitions.duplicates, handlers, ({ duplicates }) => duplicates),
    counter(definitions.retries, handlers, ({ retries }) => retries),
    counter(definitions.deadLettered, letters, ({ value }) => value),
    counter(definitions.lateSettlements, groups, ({ late }) => late),
    counter(definitions.unwanted, groups, ({ unwanted }) => unwanted),
    counter(definitions.losses, losses, ({ value }) => value),
  ]
}

function counter<Cell>(definition: MetricDefinition, entries: Cells<Cell>['entries'], value: (cell: Cell) => number): Family {
  const points = entries.map(({ names, cell }) => ({ labels: labelled(definition.labels, names), value: value(cell) }))
  return { kind: 'counter', definition, points: aboveZero(points) }
}

/** By type alone, over brokers and destinations. */
function events({ types }: Readings): readonly Family[] {
  const count = (definition: MetricDefinition, value: (cell: TypeCounts) => number): Family => {
    const points = types.map(({ names: [, , type], cell }) => ({ labels: labelled(definition.labels, [type]), value: value(cell) }))
    return { kind: 'counter', definition, points: aboveZero(summed(points)) }
  }
  const byType = new Map<string, HistogramValue[]>()
  for (const { names, cell } of types) {
    const [, , type] = names
    const { value } = cell.latency
    if (value.count > 0) byType.set(type, [...(byType.get(type) ?? []), value])
  }
  const latencies = [...byType].map(([type, values]) => ({
    labels: labelled(definitions.seedLatency.labels, [type]),
    value: sumOf(values, latencyBoundaries),
  }))
  return [
    count(definitions.seedPublished, ({ published }) => published),
    count(definitions.seedPublishedTotal, ({ published }) => published),
    count(definitions.seedConsumedTotal, ({ successes, errors }) => successes + errors),
    count(definitions.seedSuccesses, ({ successes }) => successes),
    count(definitions.seedErrors, ({ errors }) => errors),
    count(definitions.seedDuplicates, ({ duplicates }) => duplicates),
    count(definitions.seedNoSubscribers, ({ unwanted }) => unwanted),
    { kind: 'histogram', definition: definitions.seedLatency, points: latencies },
  ]
}

function gauges({ gauges: found, own }: Collected): readonly Family[] {
  const families = new Map<string, { kind: 'gauge'; definition: MetricDefinition; points: Point<number>[] }>()
  const add = (definition: MetricDefinition, point: Point<number>): void => {
    const family = families.get(definition.name)
    if (family === undefined) families.set(definition.name, { kind: 'gauge', definition, points: [point] })
    else family.points.push(point)
  }
  for (const { kind, component, destination = '', group = '', value } of found) {
    for (const definition of gaugeDefinitions[kind]) {
      const inUnit = kind === 'unforwarded-age' ? value / 1_000 : value
      add(definition, { labels: labelled(definition.labels, [component, destination, group]), value: inUnit })
    }
  }
  for (const [name, value] of Object.entries(own)) {
    const definition = ownGauge(name)
    const labels = definition.labels.length === 0 ? {} : labelled(definition.labels, ['program'])
    add(definition, { labels, value })
  }
  return [...families.values()]
}

/** A gauge of the program's own; one of a name that is known here is another series of that. */
export function ownGauge(name: string): MetricDefinition {
  const known = Object.values(definitions).find((definition) => definition.name === name && definition.kind === 'gauge')
  return known ?? { name, kind: 'gauge', unit: '1', description: `${name}, as the program tells it.`, labels: [] }
}

/** Points of the same labels as one. */
function summed(points: readonly Point<number>[]): readonly Point<number>[] {
  const sums = new Map<string, { labels: Labels; value: number }>()
  for (const { labels, value } of points) {
    const key = JSON.stringify(labels)
    const known = sums.get(key)
    if (known === undefined) sums.set(key, { labels, value })
    else known.value += value
  }
  return [...sums.values()]
}

function aboveZero(points: readonly Point<number>[]): readonly Point<number>[] {
  return points.filter(({ value }) => value > 0)
}
