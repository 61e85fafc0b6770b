import { ConfigurationError, ConnectionError, eventFilter, filteredOf, type ReadAllOptions, type RecordedEvent } from '@interline/core'
import { prepared, type Statement } from '../../database/statement.js'
import { LogQuery } from '../log-query.js'
import { readAhead } from '../read-ahead.js'
import type { StoreLink } from '../store-link.js'
import { recordedOf, storedColumns } from '../stored-row.js'
import { type ArchiveFolder, MissingFileError } from './archive-folder.js'
import { type Segment, segmentOf } from './segment.js'
import { isTombstone } from './tombstones.js'

export interface VersionRange {
  readonly from: number
  readonly to: number
}

const mostLookUps = 5

/**
 * Reads what was archived, from the table and from files. What is asked for is archived already, and what is archived stays, so nothing
 * can move behind a reader's back here; but a file gets another name when the events of deleted streams are taken out of it.
 */
export class ArchiveReader {
  readonly #link: StoreLink
  readonly #folder: ArchiveFolder | undefined
  readonly #position: Statement
  readonly #next: Statement
  readonly #again: Statement
  readonly #streams: Statement
  readonly #ofStream: Readonly<Record<'ASC' | 'DESC', Statement>>
  readonly #forwards: Statement
  readonly #backwards: Statement

  constructor(link: StoreLink, folder: ArchiveFolder | undefined) {
    this.#link = link
    this.#folder = folder
    const { archive, archived, segments, segmentStreams } = link.names
    const segment = 's.first, s.last, s.file, s.deletions'
    this.#position = prepared(`SELECT position FROM ${archived}`)
    this.#next = prepared(
      `SELECT ${segment}, s.oldest_at, s.newest_at FROM ${segments} s WHERE s.last > $1::bigint AND s.first <= $2::bigint ORDER BY s.first LIMIT 1`,
    )
    this.#again = prepared(`SELECT ${segment} FROM ${segments} s WHERE s.first = $1::bigint`)
    this.#streams = prepared(`SELECT stream FROM ${segmentStreams} WHERE first = $1::bigint`)
    const ofStream = (order: string): Statement =>
      prepared(
        `SELECT ${segment}, t.from_version, t.to_version FROM ${segmentStreams} t JOIN ${segments} s ON s.first = t.first
         WHERE t.stream = $1::text AND t.to_version >= $2::bigint AND t.from_version <= $3::bigint ORDER BY t.first ${order}`,
      )
    this.#ofStream = { ASC: ofStream('ASC'), DESC: ofStream('DESC') }
    const select = (order: string): Statement =>
      prepared(
        `SELECT ${storedColumns} FROM ${archive} WHERE stream = $1::text AND version BETWEEN $2::bigint AND $3::bigint ORDER BY version ${order} LIMIT $4::bigint`,
      )
    this.#forwards = select('ASC')
    this.#backwards = select('DESC')
  }

  /** Up to where everything is archived; 0 where nothing is. */
  async position(signal: AbortSignal | undefined): Promise<number> {
    const [row] = await this.#link.read('tell what is archived', (query) => query(this.#position, []), { signal })
    return Number(row?.[0] ?? 0)
  }

  /** What is wanted of the archived events after a position and up to another, in order. */
  async *readAll(after: number, to: number, options: ReadAllOptions): AsyncGenerator<RecordedEvent, void, undefined> {
    const { signal } = options
    const wanted = eventFilter(options)
    const [since, until] = [options.since?.getTime() ?? Number.NEGATIVE_INFINITY, options.until?.getTime() ?? Number.POSITIVE_INFINITY]
    for (let passed = after; passed < to; ) {
      const [row] = await this.#link.read('find archived events', (query) => query(this.#next, [String(passed), String(to)]), { signal })
      const segment = row && segmentOf(row)
      yield* this.#tableBetween(passed, segment === undefined ? to : segment.first - 1, options)
      if (row === undefined || segment === undefined) return
      if (Number(row[4]) < until && Number(row[5]) >= since) {
        for await (const event of this.#read(segment, passed, signal)) {
          signal?.throwIfAborted()
          if (Number(event.position) > to) return
          if (wanted(filteredOf(event.message.attributes, event.recordedAt))) yield event
        }
      }
      passed = segment.last
    }
  }

  /** A stream's archived events of these versions, in their order or backwards. */
  async *readStream(
    stream: string,
    range: VersionRange,
    backwards: boolean,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<RecordedEvent, void, undefined> {
    if (range.from > range.to || (await this.position(signal)) === 0) return
    const values = [stream, String(range.from), String(range.to)]
    const rows = await this.#link.read('find archived events', (query) => query(this.#ofStream[backwards ? 'DESC' : 'ASC'], values), {
      signal,
    })
    let { from, to } = range
    for (const row of rows) {
      const [first, last] = [Math.max(from, Number(row[4])), Math.min(to, Number(row[5]))]
      yield* this.#tableStream(stream, backwards ? { from: last + 1, to } : { from, to: first - 1 }, backwards, signal)
      const found: RecordedEvent[] = []
      for await (const event of this.#read(segmentOf(row), 0, signal)) {
        signal?.throwIfAborted()
        if (event.stream !== stream || event.version < first || event.version > last || isTombstone(event)) continue
        if (backwards) found.push(event)
        else yield event
      }
      yield* found.reverse()
      if (backwards) to = first - 1
      else from = last + 1
    }
    yield* this.#tableStream(stream, { from, to }, backwards, signal)
  }

  async *#tableBetween(after: number, to: number, options: ReadAllOptions): AsyncGenerator<RecordedEvent, void, undefined> {
    if (after >= to) return
    const { signal } = options
    const wanted = eventFilter(options)
    const { statement, values } = new LogQuery(this.#link.names.archive, storedColumns, options)
    const pages = readAhead({
      first: after,
      limit: Number.POSITIVE_INFINITY,
      fetch: (from, count) => {
        const all = [String(from), String(to), String(count), ...values]
        return this.#link.read('read archived events', (query) => query(statement, all), { signal })
      },
      after: ([, , position]) => Number(position),
    })
    for await (const rows of pages) {
      for (const row of rows) {
        signal?.throwIfAborted()
        const event = recordedOf(row)
        if (wanted(filteredOf(event.message.attributes, event.recordedAt))) yield event
      }
    }
  }

  async *#tableStream(
    stream: string,
    { from, to }: VersionRange,
    backwards: boolean,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<RecordedEvent, void, undefined> {
    if (from > to) return
    const pages = readAhead({
      first: [from, to] as const,
      limit: Number.POSITIVE_INFINITY,
      fetch: ([first, last], count) => {
        const values = [stream, String(first), String(last), String(count)]
        const statement = backwards ? this.#backwards : this.#forwards
        return this.#link.read(`read stream "${stream}"`, (query) => query(statement, values), { signal })
      },
      after: ([, version]) => (backwards ? ([from, Number(version) - 1] as const) : ([Number(version) + 1, to] as const)),
    })
    for await (const rows of pages) for (const row of rows) yield recordedOf(row)
  }

  /** What is in a file after a position, without the events of streams that were deleted since. */
  async *#read(segment: Segment, after: number, signal: AbortSignal | undefined): AsyncGenerator<RecordedEvent, void, undefined> {
    let passed = after
    for (let current = segment, tries = 1; ; tries++) {
      const kept = current.deletions === 0 ? undefined : await this.#streamsOf(current, signal)
      try {
        for await (const event of this.#files().read(current.file, { scope: this.#link.scope, first: current.first })) {
          const position = Number(event.position)
          if (position <= passed) continue
          passed = position
          if (kept === undefined || kept.has(event.stream) || isTombstone(event)) yield event
        }
        return
      } catch (thrown) {
        if (!(thrown instanceof MissingFileError)) throw thrown
        const [row] = await this.#link.read('find an archive file', (query) => query(this.#again, [String(current.first)]), { signal })
        // Retention has given up the whole file.
        if (row === undefined) return
        const next = segmentOf(row)
        if (next.file === current.file || tries === mostLookUps) {
          throw new ConnectionError(
            `The archive file ${thrown.message} is missing. Give this process the folder that the others archive to, or restore the file.`,
          )
        }
        current = next
      }
    }
  }

  async #streamsOf({ first }: Segment, signal: AbortSignal | undefined): Promise<ReadonlySet<string>> {
    const rows = await this.#link.read('read what an archive file holds', (query) => query(this.#streams, [String(first)]), { signal })
    return new Set(rows.map(([stream]) => String(stream)))
  }

  #files(): ArchiveFolder {
    if (this.#folder !== undefined) return this.#folder
    throw new ConfigurationError(
      'Older events of this store are in archive files. Give store.postgres.archive.folder, which all its processes share.',
    )
  }
}
