import type { Database, OwnQuery, Query, Row } from './database.js'
import { type Statement, TextList, type Value } from './statement.js'

/** What is used of a PGlite. */
export interface PGliteLike {
  readonly waitReady: Promise<void>
  query<Found>(text: string, values?: unknown[], options?: { rowMode?: 'array' }): Promise<{ rows: Found[] }>
  exec(text: string): Promise<unknown>
  transaction<T>(work: (transaction: Pick<PGliteLike, 'query' | 'exec'>) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** A database inside this process, which has one connection: whatever is asked runs one after the other. */
export class PGliteDatabase implements Database {
  readonly concurrent = false
  readonly #client: PGliteLike
  readonly #end: (() => Promise<void>) | undefined

  /** `end` closes what was opened here; a client that was handed in has none. */
  constructor(client: PGliteLike, end: (() => Promise<void>) | undefined) {
    this.#client = client
    this.#end = end
  }

  readonly query: Query = (statement, values) => ask(this.#client, statement, values)

  transaction<T>(work: (query: Query, own: OwnQuery) => Promise<T>): Promise<T> {
    return this.#client.transaction((transaction) =>
      work(
        (statement, values) => ask(transaction, statement, values),
        async (text, values) => (await transaction.query<object>(text, [...values])).rows,
      ),
    )
  }

  async close(): Promise<void> {
    await this.#end?.()
  }
}

async function ask(
  client: Pick<PGliteLike, 'query' | 'exec'>,
  { text, several }: Statement,
  values: readonly Value[],
): Promise<readonly Row[]> {
  if (several === true) {
    await client.exec(text)
    return []
  }
  const { rows } = await client.query<Row>(text, values.map(plainValue), { rowMode: 'array' })
  return rows
}

/** PGlite makes a list of a list by itself. */
function plainValue(value: Value): unknown {
  return value instanceof TextList ? value.items : value
}
