import type { PGliteLike } from '../database/pglite-database.js'
import type { PgPoolLike } from '../postgres-options.js'

/** What a statement is given: each driver sends these as text. */
export type SqlValue = string | number | boolean | null

/** One row, by the names of its columns. */
export type NamedRow = Readonly<Record<string, unknown>>

/**
 * A database of the user's own, by the library that the user has for it. These two verbs are all that is needed: an outbox and an inbox do
 * their part inside transactions that the library began.
 */
export interface UserDatabase<Transaction> {
  /** Runs in a transaction: committed when it resolves, rolled back when it rejects. Resolves after the commit. */
  transaction<T>(run: (transaction: Transaction) => Promise<T>): Promise<T>
  /** Runs one statement, whose values are `$1`, `$2` and so on, in this transaction. */
  query(transaction: Transaction, text: string, values: readonly SqlValue[]): Promise<readonly NamedRow[]>
  /** Why this is no open transaction, where the library can tell: an end of a sentence such as `is a Pool`. */
  refusal?(transaction: unknown): string | undefined
  /** The pool or embedded database beneath, where it can be reached: a relay then works with it directly, and can listen. */
  readonly client?: PgPoolLike | PGliteLike | undefined
}

/** Whether something has a method of this name. */
export function has(value: unknown, ...names: readonly string[]): boolean {
  return (
    typeof value === 'object' && value !== null && names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
  )
}
