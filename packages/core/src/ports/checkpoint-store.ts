import type { Abortable, Awaitable } from './abortable.js'
import type { Position } from './event-store.js'

/** How far a named reader has got. */
export interface ICheckpointStore {
  load(name: string, options?: Abortable): Awaitable<Position | undefined>
  /** Compare and set: `false` when the stored position is not `expected`, and nothing is written. */
  save(name: string, position: Position, expected: Position | undefined, options?: Abortable): Awaitable<boolean>
  remove(name: string, options?: Abortable): Awaitable<void>
  /**
   * Runs work in one transaction of the store's database, checkpoints included: all of it happens, or nothing. It is run once. Rejects
   * with what the work threw, after which nothing has happened, or with ConnectionError, after which nobody knows. Not every store has it.
   */
  transaction?<Result>(work: (transaction: StoreTransaction) => Promise<Result>): Promise<Result>
}

/** What can be done within a transaction of a store's database. It ends with the work that it was given to. */
export interface StoreTransaction {
  /** A statement of the database's own language, with `$1`, `$2` … for the values. Answers rows by the names of their columns. */
  query<Row extends object = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>
  readonly checkpoints: Pick<ICheckpointStore, 'load' | 'save' | 'remove'>
}
