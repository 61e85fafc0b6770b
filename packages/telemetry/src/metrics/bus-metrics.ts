import {
  type Abortable,
  type Awaitable,
  type BrokerEvent,
  type DeadLetter,
  type DeliveredEvent,
  type Gauge,
  type HandledEvent,
  type Instrumentation,
  matchesTopic,
  type PublishedEvent,
  type SettledEvent,
  type WatchedBus,
  type WireMessage,
} from '@interline/core'
import { groupName } from '../conventions.js'
import { errorTypeOf } from '../error-type.js'
import { Cells } from './cells.js'
import { Collector } from './collector.js'
import { Count, Durations, GroupCounts, HandlerCounts, TypeCounts } from './counts.js'
import { definitions, type MetricDefinition } from './definitions.js'
import type { Family, MetricSource } from './families.js'
import { type NamedCounter, NamedCounters } from './named-counters.js'
import { familiesOf, ownGauge } from './readings.js'
import { InstrumentRecorder, type Recording } from './recording.js'

export interface BusMetricsOptions {
  /** How often the servers are asked for what goes up and down. Default 15 s. */
  readonly collectEveryMs?: number | undefined
  /** Series of one kind that are told apart; what comes beyond is counted under `other`. Default 1,000. */
  readonly maxSeries?: number | undefined
  /** Durations also of what the broker is told: ack, retry, dead letter. Default false. */
  readonly settlements?: boolean | undefined
  /** Counters of the program's own names, by topic. */
  readonly counters?: readonly NamedCounter[] | undefined
  /** More to be read at each collection, by the name of its metric: `{ 'interline.sagas.active': () => sagas.countActive() }`. */
  readonly gauges?: Readonly<Record<string, (options: Abortable) => Awaitable<number>>> | undefined
}

const defaults = { collectEveryMs: 15_000, maxSeries: 1_000 } as const

/**
 * Counts what a bus does, in this process and at the price of a few additions an event. Read by a Prometheus registry or by a reader of
 * OpenTelemetry; several buses may share one.
 */
export class BusMetrics implements Instrumentation, MetricSource {
  readonly definitions: readonly MetricDefinition[]
  readonly settled?: (event: SettledEvent) => void
  readonly #types: Cells<TypeCounts>
  readonly #handlers: Cells<HandlerCounts>
  readonly #groups: Cells<GroupCounts>
  readonly #operations: Cells<Durations>
  readonly #letters: Cells<Count>
  readonly #losses: Cells<Count>
  readonly #named: NamedCounters | undefined
  readonly #collector: Collector
  readonly #recorder = new InstrumentRecorder()

  constructor(options: BusMetricsOptions = {}) {
    const most = options.maxSeries ?? defaults.maxSeries
    this.#types = new Cells(most, () => new TypeCounts())
    this.#handlers = new Cells(most, () => new HandlerCounts())
    this.#groups = new Cells(most, () => new GroupCounts())
    this.#operations = new Cells(most, () => new Durations())
    this.#letters = new Cells(most, () => new Count())
    this.#losses = new Cells(most, () => new Count())
    this.#named = options.counters === undefined ? undefined : new NamedCounters(options.counters, matchesTopic)
    if (options.settlements === true) this.settled = this.#settled
    const own = Object.keys(options.gauges ?? {}).map(ownGauge)
    this.definitions = [...Object.values(definitions), ...(this.#named?.definitions ?? []), ...own]
    this.#collector = new Collector({ everyMs: options.collectEveryMs ?? defaults.collectEveryMs, gauges: options.gauges ?? {} })
  }

  /** Everything, as it is now. Gauges are those of the last collection: reading asks no server. */
  families(): readonly Family[] {
    return familiesOf({
      types: this.#types.entries,
      handlers: this.#handlers.entries,
      groups: this.#groups.entries,
      operations: this.#operations.entries,
      letters: this.#letters.entries,
      losses: this.#losses.entries,
      named: this.#named?.families() ?? [],
      gauges: this.#collector.latest,
    })
  }

  /** Asks the servers now, without waiting for the next time. */
  collect(): Promise<readonly Gauge[]> {
    return this.#collector.collect()
  }

  /** Is told every duration as it is measured, for histograms that can't be read. Answers how to stop. */
  record(recording: Recording): () => void {
    return this.#recorder.add(recording)
  }

  started(bus: WatchedBus): void {
    this.#collector.start(bus)
  }

  closing(bus: WatchedBus): void {
    this.#collector.stop(bus)
  }

  published({ broker, messages, durationMs }: PublishedEvent): void {
    this.#operation(broker, destinationOf(messages), 'send', durationMs, undefined)
    for (const message of messages) {
      const counts = this.#types.at(broker, message.destination, typeOf(message))
      counts.sent++
      if (message.target !== undefined) continue
      counts.published++
      this.#named?.count('published', message)
    }
  }

  publishFailed({ broker, messages, durationMs, error }: PublishedEvent & { readonly error: Error }): void {
    const kind = errorTypeOf(error)
    this.#operation(broker, destinationOf(messages), 'send', durationMs, kind)
    for (const message of messages) {
      this.#types.at(broker, message.destination, typeOf(message)).notSent.add(kind)
      if (message.target === undefined) this.#named?.count('publish-failed', message)
    }
  }

  delivered({ broker, message, group, broadcast }: DeliveredEvent): void {
    this.#groups.at(broker, message.destination, groupName(group, broadcast)).delivered++
  }

  handled({ broker, message, group, broadcast, handler, type, metadata, durationMs, error }: HandledEvent): void {
    const { destination } = message
    const kind = error === undefined ? undefined : errorTypeOf(error)
    const name = groupName(group, broadcast)
    this.#handlers.at(broker, destination, name, handler).durations.record(durationMs, kind)
    const counts = this.#types.at(broker, destination, type)
    const latencyMs = kind === undefined ? Date.now() - metadata.timestamp.getTime() : undefined
    if (latencyMs === undefined) counts.errors++
    else {
      counts.successes++
      // a foreign message may have no time
      if (!Number.isNaN(latencyMs)) counts.latency.record(latencyMs / 1_000)
    }
    this.#named?.count(kind === undefined ? 'handled' : 'failed', message)
    if (this.#recorder.active) this.#recorder.handled({ broker, destination, group: name, handler, type, durationMs, latencyMs, kind })
  }

  retried({ broker, message, group, broadcast, handler }: HandledEvent): void {
    this.#handlers.at(broker, message.destination, groupName(group, broadcast), handler).retries++
  }

  deadLettered({ destination, group, handler, reason }: DeadLetter): void {
    this.#letters.at(destination, groupName(group, true), handler, reason).value++
  }

  parked(letter: DeadLetter): void {
    this.deadLettered(letter)
  }

  duplicate({ broker, message, group, broadcast, handler }: DeliveredEvent & { readonly handler: string }): void {
    this.#handlers.at(broker, message.destination, groupName(group, broadcast), handler).duplicates++
    this.#types.at(broker, message.destination, typeOf(message)).duplicates++
  }

  noSubscriber({ broker, message, group, broadcast }: Omit<DeliveredEvent, 'group'> & { readonly group: string | undefined }): void {
    this.#groups.at(broker, message.destination, groupName(group ?? '', broadcast)).unwanted++
    this.#types.at(broker, message.destination, typeOf(message)).unwanted++
  }

  lost({ broker, message, group, broadcast }: DeliveredEvent): void {
    this.#groups.at(broker, message.destination, groupName(group, broadcast)).late++
  }

  broker(event: BrokerEvent & { readonly broker: string }): void {
    if (event.kind === 'loss') this.#losses.at(event.broker, event.destination, event.group).value++
  }

  readonly #settled = ({ broker, message, operation, inTime, durationMs }: SettledEvent): void => {
    this.#operation(broker, message.destination, operation, durationMs, inTime ? undefined : 'late')
  }

  #operation(broker: string, destination: string, operation: string, durationMs: number, kind: string | undefined): void {
    this.#operations.at(broker, destination, operation).record(durationMs, kind)
    if (this.#recorder.active) this.#recorder.operated({ broker, destination, operation, durationMs, kind })
  }
}

/** Without making the attributes of an event that is carried as it is. */
function typeOf(message: WireMessage): string {
  const { data } = message
  if (typeof data === 'object' && 'reference' in data) return (data.reference as { readonly type?: string }).type ?? ''
  return message.attributes.type ?? ''
}

/** '' where there are several. */
function destinationOf(messages: readonly WireMessage[]): string {
  const [first] = messages
  if (first === undefined) return ''
  for (const { destination } of messages) if (destination !== first.destination) return ''
  return first.destination
}
