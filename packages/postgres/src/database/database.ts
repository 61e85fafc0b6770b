import type { Statement, Value } from './statement.js'

/** Values of one row, in the order of its columns. */
export type Row = readonly unknown[]

export interface QueryOptions {
  /** How long the answer is waited for; then the connection is given up, as nobody knows what it still does. */
  readonly timeoutMs?: number | undefined
}

export type Query = (statement: Statement, values: readonly Value[], options?: QueryOptions) => Promise<readonly Row[]>

export type OwnQuery = (text: string, values: readonly unknown[]) => Promise<readonly object[]>

/** Where statements are run. Each of `query` is a transaction of its own, on whichever connection is free: none leaves anything on it. */
export interface Database {
  /** Whether transactions can run beside each other: not on one embedded connection. */
  readonly concurrent: boolean
  readonly query: Query
  /**
   * `own` is for statements of the user's: any values, and rows by the names of their columns. The options are for its beginning and its
   * end, or, through a library, for all of it.
   */
  transaction<T>(work: (query: Query, own: OwnQuery) => Promise<T>, options?: QueryOptions): Promise<T>
  /** Calls back for every notification on the channel, and with `lost` when no more will come. Answers how to stop. */
  readonly listen?: ((channel: string, events: ListenEvents) => Promise<Listening>) | undefined
  /** Ends what was opened here; a client that was handed in stays open. */
  close(): Promise<void>
}

export interface ListenEvents {
  readonly notified: () => void
  readonly lost: (error: Error) => void
}

export interface Listening {
  /** Rejects where the connection is dead although nothing has said so. */
  check(timeoutMs: number): Promise<void>
  stop(): Promise<void>
}
