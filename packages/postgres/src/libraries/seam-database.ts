import type { Database, OwnQuery, Query, QueryOptions, Row } from '../database/database.js'
import { inTime } from '../database/in-time.js'
import { type Statement, TextList, textArray, type Value } from '../database/statement.js'
import type { SqlValue, UserDatabase } from './user-database.js'

/** A user's library as a database of ours: every statement in a transaction of its own. It brings no notifications. */
export class SeamDatabase<Transaction> implements Database {
  readonly concurrent = true
  readonly #user: UserDatabase<Transaction>

  constructor(user: UserDatabase<Transaction>) {
    this.#user = user
  }

  readonly query: Query = (statement, values, { timeoutMs } = {}) => {
    const answer = this.#user.transaction((transaction) => ask(this.#user, transaction, statement, values))
    return timeoutMs === undefined ? answer : inTime(answer, timeoutMs)
  }

  transaction<T>(work: (query: Query, own: OwnQuery) => Promise<T>, { timeoutMs }: QueryOptions = {}): Promise<T> {
    const answer = this.#user.transaction((transaction) => {
      const own: OwnQuery = (text, values) => this.#user.query(transaction, text, values as readonly SqlValue[])
      return work((statement, values) => ask(this.#user, transaction, statement, values), own)
    })
    return timeoutMs === undefined ? answer : inTime(answer, timeoutMs)
  }

  /** It is the user's. */
  async close(): Promise<void> {}
}

async function ask<Transaction>(
  user: UserDatabase<Transaction>,
  transaction: Transaction,
  { text, several }: Statement,
  values: readonly Value[],
): Promise<readonly Row[]> {
  if (several !== true) return (await user.query(transaction, text, values.map(toSqlValue))).map((row) => Object.values(row))
  for (const statement of text.split(/;\n\n/)) {
    if (statement.trim() !== '') await user.query(transaction, statement, [])
  }
  return []
}

/** Lists go as text, as libraries make of arrays what they like. */
export function toSqlValue(value: Value): SqlValue {
  return value instanceof TextList ? textArray(value.items) : value
}
