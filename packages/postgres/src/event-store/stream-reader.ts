import { checkReadStream, type ReadStreamOptions, type RecordedEvent } from '@interline/core'
import { prepared, type Statement } from '../database/statement.js'
import { PageSize } from './page-size.js'
import type { StoreLink } from './store-link.js'
import { recordedOf, sizeOf, storedColumns } from './stored-row.js'

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
    const page = new PageSize()
    let from = Math.max(options.from ?? 1, 1)
    let to = options.to ?? Number.MAX_SAFE_INTEGER
    let left = options.limit ?? Number.POSITIVE_INFINITY
    while (left > 0 && from <= to) {
      const count = Math.min(page.size, left)
      const values = [stream, String(from), String(to), String(count)]
      const rows = await this.#link.read(`read stream "${stream}"`, (query) => query(statement, values), { signal })
      let bytes = 0
      for (const row of rows) {
        signal?.throwIfAborted()
        const event = recordedOf(row)
        if (backwards) to = event.version - 1
        else from = event.version + 1
        bytes += sizeOf(event.message)
        left--
        yield event
      }
      if (rows.length < count) return
      page.saw(rows.length, bytes)
    }
  }
}
