import type { HandledEvent, Instrumentation } from '@interline/core'
import { Buckets } from '../metrics/buckets.js'
import type { MetricDefinition } from '../metrics/definitions.js'
import type { Family, MetricSource } from '../metrics/families.js'
import { LatencyHistogram } from './latency-histogram.js'

/** An event as anybody may have it. */
export interface TrackedEvent {
  readonly type?: string | undefined
  readonly eventType?: string | undefined
  readonly timestamp?: Date | string | number | undefined
  /** Its `timestamp` counts where the event itself has none. */
  readonly metadata?: object | undefined
}

export interface TrackOptions {
  readonly failed?: boolean | undefined
  /** Default: from the event's timestamp until now. */
  readonly latencyMs?: number | undefined
}

export interface EventStatsFilter {
  readonly type?: string | undefined
  readonly types?: readonly string[] | undefined
}

export interface EventStats {
  readonly total: number
  readonly byType: Readonly<Record<string, number>>
  /** From 0 to 1. */
  readonly failureRate: number
  /** Milliseconds. */
  readonly averageLatency: number
  /** Milliseconds, right to one in a hundred. */
  readonly timeDistribution: { readonly p50: number; readonly p90: number; readonly p99: number }
}

export interface EventTrackerOptions {
  /** Types that are told apart; what comes beyond is tracked as `other`. Default 200. */
  readonly maxTypes?: number | undefined
}

/** Seconds. */
const boundaries = [0.1, 0.5, 1, 2, 5] as const
const counted: MetricDefinition = {
  name: 'events_total',
  kind: 'counter',
  unit: '{event}',
  description: 'Total number of events',
  labels: ['type', 'status'],
}
const latency: MetricDefinition = {
  name: 'event_latency',
  kind: 'histogram',
  unit: 's',
  description: 'Event processing latency',
  labels: ['type'],
}

class Tracked {
  processed = 0
  failed = 0
  readonly latencies = new LatencyHistogram()
  readonly buckets = new Buckets(boundaries)

  add(latencyMs: number, failed: boolean): void {
    if (failed) this.failed++
    else this.processed++
    if (Number.isNaN(latencyMs)) return
    this.latencies.record(latencyMs)
    this.buckets.record(latencyMs / 1_000)
  }
}

/**
 * How many events of which type were handled, how many runs failed, and how long they took from their making. As instrumentation of a bus
 * it tracks by itself; `track` is for what is handled elsewhere. In bounded memory.
 */
export class EventTracker implements Instrumentation, MetricSource {
  readonly definitions: readonly MetricDefinition[] = [counted, latency]
  readonly #maxTypes: number
  readonly #types = new Map<string, Tracked>()

  constructor({ maxTypes = 200 }: EventTrackerOptions = {}) {
    this.#maxTypes = maxTypes
  }

  async track(event: TrackedEvent, { failed = false, latencyMs }: TrackOptions = {}): Promise<void> {
    const made = event.timestamp ?? (event.metadata as Pick<TrackedEvent, 'timestamp'> | undefined)?.timestamp
    const since = made === undefined ? Number.NaN : Date.now() - new Date(made).getTime()
    this.#of(event.eventType ?? event.type ?? 'unknown').add(latencyMs ?? since, failed)
  }

  handled({ type, metadata, error }: HandledEvent): void {
    this.#of(type).add(Date.now() - metadata.timestamp.getTime(), error !== undefined)
  }

  async getStats(filter: EventStatsFilter = {}): Promise<EventStats> {
    const all = new LatencyHistogram()
    const byType: Record<string, number> = {}
    let total = 0
    let failures = 0
    for (const [type, { processed, failed, latencies }] of this.#matching(filter)) {
      Object.defineProperty(byType, type, { value: processed + failed, enumerable: true })
      total += processed + failed
      failures += failed
      all.add(latencies)
    }
    const timeDistribution = { p50: all.percentile(50), p90: all.percentile(90), p99: all.percentile(99) }
    return { total, byType, failureRate: total === 0 ? 0 : failures / total, averageLatency: all.meanMs, timeDistribution }
  }

  /** The average, in milliseconds; 0 where nothing of the type was tracked. */
  async getLatency(eventType: string): Promise<number> {
    return this.#types.get(eventType)?.latencies.meanMs ?? 0
  }

  families(): readonly Family[] {
    const tracked = [...this.#types]
    const counts = tracked.flatMap(([type, { processed, failed }]) => [
      { labels: { type, status: 'processed' }, value: processed },
      { labels: { type, status: 'failed' }, value: failed },
    ])
    return [
      { kind: 'counter', definition: counted, points: counts },
      {
        kind: 'histogram',
        definition: latency,
        points: tracked.map(([type, { buckets }]) => ({ labels: { type }, value: buckets.value })),
      },
    ]
  }

  #of(type: string): Tracked {
    const found = this.#types.get(type)
    if (found !== undefined) return found
    const name = this.#types.size < this.#maxTypes ? type.slice(0, 200) : 'other'
    let tracked = this.#types.get(name)
    if (tracked === undefined) this.#types.set(name, (tracked = new Tracked()))
    return tracked
  }

  #matching({ type, types }: EventStatsFilter): readonly (readonly [string, Tracked])[] {
    if (type === undefined && types === undefined) return [...this.#types]
    const wanted = new Set([...(types ?? []), ...(type === undefined ? [] : [type])])
    return [...this.#types].filter(([each]) => wanted.has(each))
  }
}
