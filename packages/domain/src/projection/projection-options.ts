import {
  type Abortable,
  type Awaitable,
  ConfigurationError,
  type EventRecord,
  type IClock,
  type IEventStore,
  type ILogger,
  type RetryOptions,
  type StoreTransaction,
} from '@interline/core'
import type { PoisonEvent } from './projection-record.js'

/** Where a generation of a projection writes, and how. */
export interface ProjectionPlace {
  /** A name of its own for each generation, to be used in the names of tables or keys: `balances_1`, and `balances_2` when it was rebuilt. */
  readonly target: string
  readonly generation: number
  /** The transaction that also holds the checkpoint. Throws UnsupportedFeatureError where there is none. */
  readonly tx: StoreTransaction
  /** Aborted when another process may have taken over, or this one is closing. */
  readonly signal: AbortSignal
}

/** What a handler is told beside the event. */
export interface ProjectionContext extends ProjectionPlace, EventRecord {
  /** Grows with every process that takes the projection over: what is written elsewhere can be fenced by it. 0 where it is replayed. */
  readonly token: number
  /** Set where the event comes from a replay, and not in its turn. */
  readonly replayed: boolean
}

export type ProjectionHandler<Event extends object> = (event: Event, context: ProjectionContext) => Awaitable<unknown>

export interface ProjectionOptions {
  /** Names it among all projections of the store: letters, digits, `_` and `-`. */
  readonly name: string
  readonly store: IEventStore
  /**
   * Whether events are handled in a transaction of the store's database, together with the checkpoint. Default: where the store can.
   * True where it can't is refused.
   */
  readonly transactional?: boolean | undefined
  /** Makes what the handlers write to. May be called again for what is there already. */
  readonly setUp?: ((place: ProjectionPlace) => Awaitable<unknown>) | undefined
  /** Removes what `setUp` made, and all that was written. May be called again for what is gone already. */
  readonly tearDown?: ((place: ProjectionPlace) => Awaitable<unknown>) | undefined
  /** An event that can't be handled: `stop` (default) there, so that nothing is missed, or `skip` it, which is told. */
  readonly onPoison?: 'stop' | 'skip' | undefined
  /** Before an event counts as poison. Default: 10 attempts over some 80 s. What can't be read is not tried again. */
  readonly retry?: RetryOptions | undefined
  /** How many events are handled in one transaction, or up to the next checkpoint. Default 200. */
  readonly batchSize?: number | undefined
  /** How often it is looked for what other processes appended. Default 1,000. */
  readonly pollMs?: number | undefined
  /** How long another process waits for one that died. Default 10,000. */
  readonly leaseMs?: number | undefined
  /** How long what a rebuild has replaced is left for those who still read it. Default 60,000. */
  readonly keepReplacedMs?: number | undefined
  /** Told of an event that stopped the projection, or was skipped. It must not throw. */
  readonly onPoisonEvent?: ((event: PoisonEvent) => void) | undefined
  readonly clock?: IClock | undefined
  readonly logger?: Pick<ILogger, 'warn' | 'error'> | undefined
}

export interface ProjectionLag {
  /** Events that are stored and not handled by the live generation. */
  readonly events: number
  /** Whether there are more than were counted. */
  readonly more: boolean
  /** How old the first of them is. */
  readonly ageMs: number
}

/**
 * `idle`: not started. `running`: here. `waiting`: another process runs it, or nobody could be asked yet. `paused`: by `pause()`.
 * `stopped`: by an event, or because its store refuses it; `reason` says which.
 */
export type ProjectionState = 'idle' | 'running' | 'waiting' | 'paused' | 'stopped' | 'closed'

export interface ProjectionStatus {
  readonly state: ProjectionState
  readonly reason: string | undefined
  readonly live: number
  /** What is built beside it. */
  readonly next: number | undefined
  /** Where to read from. */
  readonly target: string
  readonly poison: PoisonEvent | undefined
}

export interface LagOptions extends Abortable {
  /** How many are counted at most. Default 10,000. */
  readonly limit?: number | undefined
}

export const projectionDefaults = {
  batchSize: 200,
  pollMs: 1_000,
  leaseMs: 10_000,
  keepReplacedMs: 60_000,
  lagLimit: 10_000,
  retry: { maxAttempts: 10, backoff: { type: 'exponential', delayMs: 200, maxDelayMs: 30_000, jitter: 0.1 } },
} as const

export function checkProjectionOptions(options: ProjectionOptions): void {
  const { name, onPoison } = options
  if (typeof name !== 'string' || !/^[A-Za-z][A-Za-z0-9_-]{0,39}$/.test(name)) {
    throw new ConfigurationError('A projection needs a name of up to 40 letters, digits, _ and -, which begins with a letter.')
  }
  for (const field of ['batchSize', 'pollMs', 'leaseMs', 'keepReplacedMs'] as const) {
    const value = options[field]
    const least = field === 'keepReplacedMs' ? 0 : 1
    if (value !== undefined && (!Number.isSafeInteger(value) || value < least)) {
      throw new ConfigurationError(`Projection "${name}": ${field} is ${value}; give a whole number from ${least}.`)
    }
  }
  if (onPoison !== undefined && onPoison !== 'stop' && onPoison !== 'skip') {
    throw new ConfigurationError(`Projection "${name}": onPoison is ${JSON.stringify(onPoison)}; give 'stop' or 'skip'.`)
  }
  if (options.transactional === true && options.store.checkpoints.transaction === undefined) {
    throw new ConfigurationError(
      `Projection "${name}": the ${options.store.name} store has no transactions. Leave transactional out, or use a store that has them, such as PostgreSQL.`,
    )
  }
}
