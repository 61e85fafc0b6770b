import type { Abortable, Awaitable } from './abortable.js'

export type SagaStatus = 'running' | 'compensating' | 'completed' | 'compensated' | 'parked'

/**
 * One instance of a saga as the store keeps it. Times are milliseconds since 1970 by the store's clock, so that processes whose clocks
 * differ agree on what is due.
 */
export interface SagaRecord {
  readonly type: string
  /** Unique within its type. */
  readonly id: string
  readonly status: SagaStatus
  /** Grows with every claim and every save: who saves with an older one has lost the saga to somebody else. */
  readonly revision: number
  /** When something is to be done without an event: a step, a retry, a timeout. */
  readonly dueAt: number | undefined
  readonly createdAt: number
  readonly updatedAt: number
  /** What only the saga understands: JSON text. */
  readonly body: string
}

/** A record that nobody else may write until the lease ends. */
export interface ClaimedSaga {
  readonly record: SagaRecord
  /** The store's time. */
  readonly now: number
  /** Whoever held it before let the lease end without a save: its process may have died with this saga in hand. */
  readonly lapsed: boolean
}

export type SagaChange = Pick<SagaRecord, 'status' | 'dueAt' | 'body'>

/** Where sagas are kept: rows that one process at a time works on, by a lease that a dead one lets lapse. */
export interface ISagaStore {
  /** A new one, claimed by its maker. `undefined`: there is one already, and nothing was written. */
  create(type: string, id: string, change: SagaChange, options: SagaLease): Awaitable<ClaimedSaga | undefined>
  load(type: string, id: string, options?: Abortable): Awaitable<SagaRecord | undefined>
  /** `busy`: somebody else's lease has not ended. `undefined`: there is none. */
  claim(type: string, id: string, options: SagaLease): Awaitable<ClaimedSaga | 'busy' | undefined>
  /** Claims those of these types whose time has come and that nobody holds, the longest due first. */
  claimDue(types: readonly string[], options: SagaLease & { readonly limit: number }): Awaitable<DueSagas>
  /** Compare and set: `undefined` when the revision is not the stored one, and nothing is written. Ends the lease, or extends it. */
  save(record: SagaRecord, change: SagaChange, options: SaveSagaOptions): Awaitable<SagaRecord | undefined>
  /** Extends the lease. `false`: lost. */
  renew(record: SagaRecord, options: SagaLease): Awaitable<boolean>
  /** Oldest first. */
  list(filter?: SagaFilter, page?: SagaPage): Awaitable<SagaList>
  count(filter?: SagaFilter, options?: Abortable): Awaitable<number>
  /** Removes those that ended before a time. Answers how many. */
  removeEnded(before: Date, options?: Abortable): Awaitable<number>
  /** Calls back when something was saved that may be due earlier: only where all changes are this process's own, and nobody has to look. */
  onChanged?(callback: () => void): () => void
}

export interface SagaLease extends Abortable {
  readonly leaseMs: number
}

export interface SaveSagaOptions extends Abortable {
  /** Keeps the lease so long; without it the lease ends. */
  readonly leaseMs?: number | undefined
}

export interface DueSagas {
  readonly claimed: readonly ClaimedSaga[]
  /** How long until the next one is due, as far as is known now. */
  readonly nextInMs: number | undefined
}

export interface SagaFilter {
  readonly type?: string | undefined
  readonly status?: SagaStatus | undefined
}

export interface SagaPage extends Abortable {
  /** How many at most, default 100. */
  readonly limit?: number | undefined
  /** The last page's `next`. */
  readonly after?: string | undefined
}

export interface SagaList {
  readonly sagas: readonly SagaRecord[]
  /** Set where more may follow. */
  readonly next: string | undefined
}
