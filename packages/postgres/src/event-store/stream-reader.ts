import { checkReadStream, type ReadStreamOptions, type RecordedEvent } from '@interline/core'
import { prepared, type Statement } from '../database/statement.js'
import type { ArchiveReader } from './archive/archive-reader.js'
import { readAhead } from './read-ahead.js'
import type { StoreLink } from './store-link.js'
import { recordedOf, streamColumns } from './stored-row.js'

/**
 * Reads one stream, page by page, each from where the last one ended. What is archived of a stream is its beginning: it is looked for where
 * a page does not begin, or end, with the version that was asked for, and so also where it was archived since the page before.
 */
export class StreamReader {
  readonly #link: StoreLink
  readonly #archive: ArchiveReader
  readonly #forwards: Statement
  readonly #backwards: Statement

  constructor(link: StoreLink, archive: ArchiveReader) {
    this.#link = link
    this.#archive = archive
    const select = (order: string): Statement =>
      prepared(
        `SELECT ${streamColumns} FROM ${link.names.events} WHERE stream = $1::text AND version BETWEEN $2::bigint AND $3::bigint ORDER BY version ${order} LIMIT $4::bigint`,
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
    let left = limit
    /** The next version that is wanted, whichever way. */
    let next = backwards ? to : from
    for await (const rows of pages) {
      const found = Number(rows[0]?.[1] ?? to + 1)
      if (!backwards && found > next) {
        for await (const event of this.#archive.readStream(stream, { from: next, to: Math.min(found - 1, to) }, false, signal)) {
          yield event
          if (--left <= 0) return
        }
      }
      for (const row of rows) {
        signal?.throwIfAborted()
        yield recordedOf(row, stream)
        if (--left <= 0) return
      }
      const last = rows.at(-1)
      if (last !== undefined) next = Number(last[1]) + (backwards ? -1 : 1)
    }
    if (!backwards || next < from) return
    for await (const event of this.#archive.readStream(stream, { from, to: next }, true, signal)) {
      yield event
      if (--left <= 0) return
    }
  }
}
