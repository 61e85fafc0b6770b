import { type Abortable, type ICheckpointStore, noteName, type Position, type StoreTransaction } from '@interline/core'
import type { Database, OwnQuery, Query } from '../database/database.js'
import { failure, isLost } from '../database/failure.js'
import { prepared, type Statement } from '../database/statement.js'
import type { StoreLink } from './store-link.js'

/** How far this store's readers have got. They live and die with the store, and retention waits for the slowest. */
export class StoreCheckpoints implements ICheckpointStore {
  readonly #link: StoreLink
  readonly #load: Statement
  readonly #insert: Statement
  readonly #update: Statement
  readonly #remove: Statement
  readonly #slowest: Statement

  constructor(link: StoreLink) {
    this.#link = link
    const { checkpoints } = link.names
    this.#load = prepared(`SELECT position FROM ${checkpoints} WHERE name = $1::text`)
    this.#insert = prepared(`INSERT INTO ${checkpoints} (name, position) VALUES ($1::text, $2::text) ON CONFLICT DO NOTHING RETURNING 1`)
    this.#update = prepared(
      `UPDATE ${checkpoints} SET position = $2::text, saved_at = clock_timestamp() WHERE name = $1::text AND position = $3::text RETURNING 1`,
    )
    this.#remove = prepared(`DELETE FROM ${checkpoints} WHERE name = $1::text`)
    // A checkpoint that is no number is of a reader that has read nothing here, and holds everything.
    this.#slowest = prepared(
      `SELECT name, position FROM ${checkpoints} WHERE name NOT LIKE '${noteName('%')}' ORDER BY CASE WHEN position ~ '^[0-9]{1,18}$' THEN position::bigint ELSE 0 END LIMIT 1`,
    )
  }

  load(name: string, { signal }: Abortable = {}): Promise<Position | undefined> {
    return this.#link.read(`load checkpoint "${name}"`, (query) => this.#position(query, name), { signal })
  }

  save(name: string, position: Position, expected: Position | undefined, { signal }: Abortable = {}): Promise<boolean> {
    const work = async (query: Query, again: boolean): Promise<boolean> => {
      // The answer of an earlier try was lost: it may have been this very write.
      return (await this.#saved(query, name, position, expected)) || (again && (await this.#position(query, name)) === position)
    }
    return this.#link.write(`save checkpoint "${name}"`, work, { signal })
  }

  async remove(name: string, { signal }: Abortable = {}): Promise<void> {
    await this.#link.write(`remove checkpoint "${name}"`, (query) => query(this.#remove, [name]), { signal })
  }

  /** Where one connection is all there is, the work must ask nothing else of it: it would wait for itself. */
  async transaction<Result>(work: (transaction: StoreTransaction) => Promise<Result>): Promise<Result> {
    await this.#link.connect()
    let thrown: { readonly error: unknown } | undefined
    try {
      return await (this.#link.database as Database).transaction(async (query, own) => {
        try {
          return await work(this.#inTransaction(query, own))
        } catch (error) {
          thrown = { error }
          throw error
        }
      })
    } catch (error) {
      if (thrown !== undefined) throw thrown.error
      throw failure(error, 'end a transaction', 'It may have been done: the checkpoint tells.')
    }
  }

  /** The reader that is furthest behind. */
  async slowest(signal?: AbortSignal): Promise<{ readonly name: string; readonly position: Position } | undefined> {
    const [row] = await this.#link.read('read checkpoints', (query) => query(this.#slowest, []), { signal })
    return row && { name: String(row[0]), position: String(row[1]) }
  }

  #inTransaction(query: Query, own: OwnQuery): StoreTransaction {
    return {
      async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
        try {
          return (await own(text, values)) as readonly Row[]
        } catch (error) {
          throw isLost(error) ? failure(error, 'run a statement of a transaction', 'It was undone.') : error
        }
      },
      checkpoints: {
        load: (name) => this.#position(query, name),
        save: (name, position, expected) => this.#saved(query, name, position, expected),
        remove: async (name) => void (await query(this.#remove, [name])),
      },
    }
  }

  async #saved(query: Query, name: string, position: Position, expected: Position | undefined): Promise<boolean> {
    const rows =
      expected === undefined ? await query(this.#insert, [name, position]) : await query(this.#update, [name, position, expected])
    return rows.length > 0
  }

  async #position(query: Query, name: string): Promise<Position | undefined> {
    const [row] = await query(this.#load, [name])
    return row && String(row[0])
  }
}
