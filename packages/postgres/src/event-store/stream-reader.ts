import { checkReadStream, type ReadStreamOptions, type RecordedEvent } from '@interline/core'
import { prepared, type Statement } from '../database/statement.js'
import { readAhead } from './read-ahead.js'
import type { StoreLink } from './store-link.js'
import { recordedOf, storedColumns } from './stored-row.js'

/** Reads one stream, page by page, each from where the last one ended. */
export class StreamReader {
  readonly #link: StoreLink
  readonly #forwards: Statement
  readonly #backwards: Statement

  constructor(link: StoreLink) {
    this.#link = link
    const select = (order: string): Statement =>
      prepared(
        `SELECT ${storedColumns} FROM ${link.names.events} WHERE stream = $1::text AND version BETWEEN $2::bigint AND $3::bigint ORDER BY version ${order} LIMIT $4::bigint`,
      )
    this.#forwards = select('ASC')
    this.#backwards = select('DESC')
  }

  async *read(stream: string, options: ReadStreamOptions): AsyncGenerator<RecordedEvent, void, undefined> {
    checkReadStream(stream, options)
    const { backwards = false, signal } = options
    const statement = backwards ? this.#backwards : this.#forwards
    const [from, to] = [Math.max(options.from ?? 1, 1), options.to ?? Number.MAX_SAFE_INTEGER]
    const limit = options.limit ?? Number.POSITIVE_INFINITY
    if (limit === 0 || from > to) return
    const pages = readAhead({
      first: [from, to] as const,
      limit,
      fetch: ([first, last], count) => {
        const values = [stream, String(first), String(last), String(count)]
        return this.#link.read(`read stream "${stream}"`, (query) => query(statement, values), { signal })
      },
      after: ([, version]) => (backwards ? ([from, Number(version) - 1] as const) : ([Number(version) + 1, to] as const)),
    })
    for await (const rows of pages) {
      for (const row of rows) {
        signal?.throwIfAborted()
        yield recordedOf(row)
      }
    }
  }
}
