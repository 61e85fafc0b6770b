import { ConfigurationError, checkReadAll, eventFilter, filteredOf, type ReadAllOptions, type RecordedEvent } from '@interline/core'
import type { Row } from '../database/database.js'
import { prepared, type Statement } from '../database/statement.js'
import type { ArchiveReader } from './archive/archive-reader.js'
import { LogQuery } from './log-query.js'
import { readAhead } from './read-ahead.js'
import type { StoreLink } from './store-link.js'
import { recordedOf, storedColumns } from './stored-row.js'

const spanMs = 60_000
/** Where a page's rows have the archive's position, after the columns of an event. */
const archivedColumn = 11

type Part = { readonly rows: readonly Row[] } | { readonly archived: AsyncIterable<RecordedEvent> }

interface Span {
  readonly after: number
  readonly to: number
  /** Up to where everything was archived when the span was looked for. */
  readonly archived: number
  /** Before it nothing is wanted of what is not archived. */
  readonly from: number
}

/** Reads all streams in their one order, up to where nothing can appear any more: what a reader has passed is complete. */
export class LogReader {
  readonly #link: StoreLink
  readonly #archive: ArchiveReader
  readonly #bound: Statement
  readonly #times: Statement

  constructor(link: StoreLink, archive: ArchiveReader) {
    this.#link = link
    this.#archive = archive
    this.#bound = prepared(`SELECT bound, newest, (SELECT position FROM ${link.names.archived}) FROM ${link.names.bound}($1::bigint)`)
    // The sums keep the planner from walking the order of all to its first hit, instead of the index of times.
    this.#times = prepared(
      `SELECT min(position + 0), max(position + 0), (SELECT position FROM ${link.names.archived})
       FROM ${link.names.events} WHERE recorded_at >= $1::bigint AND recorded_at < $2::bigint`,
    )
  }

  async *readAll(options: ReadAllOptions): AsyncGenerator<RecordedEvent, void, undefined> {
    checkReadAll(options)
    if (options.types?.length === 0) return
    const { signal } = options
    const wanted = eventFilter(options)
    let left = options.limit ?? Number.POSITIVE_INFINITY
    if (left === 0) return
    for await (const part of this.#parts(options, left)) {
      if ('archived' in part) {
        for await (const event of part.archived) {
          yield event
          if (--left <= 0) return
        }
        continue
      }
      for (const row of part.rows) {
        signal?.throwIfAborted()
        const event = recordedOf(row)
        if (!wanted(filteredOf(event.message.attributes, event.recordedAt))) continue
        yield event
        if (--left <= 0) return
      }
    }
  }

  /** The last position that a reader may pass now. */
  async head(signal: AbortSignal | undefined): Promise<string> {
    const [bound] = await this.#boundAfter(-1, signal)
    return String(bound)
  }

  /**
   * What is archived, then pages of what is not. Each page says, of the moment at which it was read, up to where everything was archived: if
   * that is beyond where the page began, events were moved out of its way meanwhile, and are read from the archive first.
   */
  async *#parts(options: ReadAllOptions, limit: number): AsyncGenerator<Part, void, undefined> {
    const { signal } = options
    const { names } = this.#link
    const { after, archived, from, to } = await this.#span(options)
    let passed = after
    if (archived > passed) {
      yield { archived: this.#archive.readAll(passed, archived, options) }
      passed = archived
    }
    passed = Math.max(passed, from)
    if (passed >= to) return
    const columns = `${storedColumns}, (SELECT position FROM ${names.archived}) AS archived`
    const { statement, values } = new LogQuery(names.events, columns, options)
    const pages = readAhead({
      first: passed,
      // What is found by a correlation id is looked at once more by the caller.
      limit: options.correlationId === undefined ? limit : Number.POSITIVE_INFINITY,
      fetch: (position, count) => {
        const all = [String(position), String(to), String(count), ...values]
        return this.#link.read('read all events', (query) => query(statement, all), { signal })
      },
      after: ([, , position]) => Number(position),
    })
    for await (const rows of pages) {
      const now = rows[0] === undefined ? await this.#archive.position(signal) : Number(rows[0][archivedColumn])
      if (now > passed) yield { archived: this.#archive.readAll(passed, Math.min(now, to), options) }
      yield { rows }
      passed = Number(rows.at(-1)?.[2] ?? now)
    }
  }

  /** Which positions are read. Rejects what is no position of this store. */
  async #span(options: ReadAllOptions): Promise<Span> {
    const { after: given = '0', since, until, signal } = options
    if (!/^\d{1,16}$/.test(given)) {
      throw new ConfigurationError(
        `"${given.slice(0, 40)}" is no position of this store. Give one that it gave, within the scope "${this.#link.scope}".`,
      )
    }
    const after = Number(given)
    const [bound, newest, archivedBefore] = await this.#boundAfter(after, signal)
    if (after > newest) {
      throw new ConfigurationError(
        `Position ${given} is ahead of the store, whose newest is ${newest}: it is of another store, or this one was restored from a backup. Let that reader begin anew.`,
      )
    }
    if (since === undefined && until === undefined) return { after, archived: archivedBefore, from: after, to: bound }
    const times = [String(since?.getTime() ?? 0), String(until?.getTime() ?? Number.MAX_SAFE_INTEGER)]
    const [found] = await this.#link.read('find a time', (query) => query(this.#times, times), { signal, answerMs: spanMs })
    // Of that moment, not of the one before: what was archived in between has no time any more that is found here.
    const [first, last, position] = found ?? []
    const archived = Number(position)
    if (first === null || first === undefined) return { after, archived, from: after, to: after }
    return { after, archived, from: Math.max(after, Number(first) - 1), to: Math.min(bound, Number(last)) }
  }

  async #boundAfter(after: number, signal: AbortSignal | undefined): Promise<readonly [bound: number, newest: number, archived: number]> {
    const [row] = await this.#link.read('tell its newest position', (query) => query(this.#bound, [String(after)]), { signal })
    return [Number(row?.[0]), Number(row?.[1]), Number(row?.[2])]
  }
}
