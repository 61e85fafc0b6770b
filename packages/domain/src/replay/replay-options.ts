import type { Abortable, AnyTarget, Awaitable, EventRecord, IBroker, IClock, IEventStore, ILogger, Position } from '@interline/core'
import type { Projection } from '../projection/projection.js'

/** Which events: all conditions that are said must hold. None at all is every event of the store. */
export interface ReplaySelection {
  readonly stream?: string | undefined
  /** Definitions, classes, or names of types. */
  readonly types?: readonly AnyTarget[] | undefined
  readonly aggregateType?: string | undefined
  /** Needs its type, too. */
  readonly aggregateId?: string | undefined
  readonly correlationId?: string | undefined
  readonly tenantId?: string | undefined
  /** By when the store recorded them: from this moment on, and before that one. */
  readonly since?: Date | undefined
  readonly until?: Date | undefined
  /** Only what comes after it. Not of one stream. */
  readonly after?: Position | undefined
}

export interface ReplayContext extends EventRecord {
  /** Aborted when the replay is given up. */
  readonly signal: AbortSignal
}

export type ReplayHandler<Event extends object = object> = (event: Event, context: ReplayContext) => Awaitable<unknown>

/**
 * A topic that only those read who wait for the replay: its destination must not be one that the events were published to. The broker is
 * connected, as that of a bus that has started is.
 */
export interface ReplayTopic {
  readonly broker: Pick<IBroker, 'name' | 'publish'>
  readonly topic: string
  /** Default: the topic's first segment. */
  readonly destination?: string | undefined
}

export type ReplayTarget = ReplayHandler<never> | Projection | ReplayTopic

export interface ReplayProgress {
  readonly events: number
  readonly skipped: number
  /** Of the last event. */
  readonly position: Position
  readonly recordedAt: number
  readonly eventsPerSecond: number
}

export interface ReplayOptions extends Abortable {
  /** With a name, a replay that was interrupted goes on where it was, in one process at a time. */
  readonly name?: string | undefined
  /** Looks at the events and gives them to nobody. */
  readonly dryRun?: boolean | undefined
  /** How many are handed over before progress is noted and told. Default 100. */
  readonly batchSize?: number | undefined
  readonly eventsPerSecond?: number | undefined
  /** An event that can't be read, or whose handler fails: `stop` there (default), or `skip` it. */
  readonly onError?: 'stop' | 'skip' | undefined
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined
  /** How many events a dry run shows. Default 10. */
  readonly sample?: number | undefined
}

/** What an event was, for a preview. */
export interface ReplayedEvent extends EventRecord {
  readonly eventId: string
  readonly type: string
}

export interface ReplayReport {
  readonly dryRun: boolean
  /** Handed over, or, in a dry run, to be handed over. */
  readonly events: number
  readonly skipped: number
  readonly byType: Readonly<Record<string, number>>
  /** How many streams they are of. */
  readonly streams: number
  readonly first: ReplayedEvent | undefined
  readonly last: ReplayedEvent | undefined
  /** The first ones, in a dry run. */
  readonly sample: readonly ReplayedEvent[]
}

export interface EventReplayServiceOptions {
  readonly store: IEventStore
  readonly clock?: IClock | undefined
  /** For events that are skipped. Default: the console. */
  readonly logger?: Pick<ILogger, 'warn'> | undefined
}

export const replayDefaults = { batchSize: 100, sample: 10, leaseMs: 10_000 } as const
