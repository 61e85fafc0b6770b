import type { RecordedEvent } from '@interline/core'
import type { Query } from '../../database/database.js'
import { prepared, type Statement } from '../../database/statement.js'
import type { StoreLink } from '../store-link.js'
import type { ArchiveFolder } from './archive-folder.js'
import { segmentOf } from './segment.js'
import { isTombstone } from './tombstones.js'

const pageSize = 1_000
const answerMs = 60_000

/** What an archive needs from time to time. Everything is done under the lock of its position, as archiving is. */
export class ArchiveUpkeep {
  readonly #link: StoreLink
  readonly #folder: ArchiveFolder | undefined
  readonly #keepMs: number
  readonly #lock: Statement
  readonly #expire: Statement
  readonly #expireFiles: Statement
  readonly #dirty: Statement
  readonly #streams: Statement
  readonly #rewritten: Statement
  readonly #emptied: Statement
  readonly #files: Statement

  constructor(link: StoreLink, folder: ArchiveFolder | undefined, keepMs: number) {
    this.#link = link
    this.#folder = folder
    this.#keepMs = keepMs
    const { archive, archived, segments, segmentStreams } = link.names
    const oldest = `floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint - $1::bigint`
    this.#lock = prepared(`SELECT position FROM ${archived} FOR UPDATE`)
    this.#expire = prepared(
      `WITH page AS (SELECT position, recorded_at FROM ${archive} ORDER BY position LIMIT ${pageSize}),
         stays AS (SELECT coalesce(min(position), 9223372036854775807) AS first FROM page WHERE recorded_at > ${oldest}),
         gone AS (DELETE FROM ${archive} a USING stays WHERE a.position IN (SELECT position FROM page) AND a.position < stays.first RETURNING 1)
       SELECT count(*) FROM gone`,
    )
    this.#expireFiles = prepared(`DELETE FROM ${segments} WHERE newest_at <= ${oldest}`)
    this.#dirty = prepared(`SELECT first, last, file, deletions FROM ${segments} WHERE deletions > 0 ORDER BY first LIMIT 1 FOR UPDATE`)
    this.#streams = prepared(`SELECT stream FROM ${segmentStreams} WHERE first = $1::bigint`)
    this.#rewritten = prepared(`UPDATE ${segments} SET file = $2::text, events = $3::integer, deletions = 0 WHERE first = $1::bigint`)
    this.#emptied = prepared(`DELETE FROM ${segments} WHERE first = $1::bigint`)
    this.#files = prepared(`SELECT file FROM ${segments}`)
  }

  async run(): Promise<void> {
    if (Number.isFinite(this.#keepMs)) await this.#giveUp()
    const folder = this.#folder
    if (folder === undefined) return
    while (await this.#transaction('take deleted streams out of the archive', (query) => this.#rewrite(query, folder))) {
      // The next one.
    }
    await this.#transaction('tidy up the archive', (query, position) => this.#tidy(query, position, folder))
  }

  async #giveUp(): Promise<void> {
    const values = [String(this.#keepMs)]
    while (
      (await this.#transaction('give up archived events', async (query) => Number((await query(this.#expire, values))[0]?.[0]))) ===
      pageSize
    ) {
      // The next page.
    }
    await this.#transaction('give up archive files', (query) => query(this.#expireFiles, values))
  }

  /** Writes one file anew without the events of deleted streams. Answers whether there was one. */
  async #rewrite(query: Query, folder: ArchiveFolder): Promise<boolean> {
    const [row] = await query(this.#dirty, [])
    if (row === undefined) return false
    const { first, last, file } = segmentOf(row)
    const streams = new Set((await query(this.#streams, [String(first)])).map(([stream]) => String(stream)))
    const { scope } = this.#link
    const kept: RecordedEvent[] = []
    for await (const event of folder.read(file, { scope, first })) if (streams.has(event.stream) || isTombstone(event)) kept.push(event)
    if (kept.length === 0) await query(this.#emptied, [String(first)])
    else {
      const name = await folder.write({ format: 'interline.archive', version: 1, scope, first, last }, kept)
      await query(this.#rewritten, [String(first), name, kept.length])
    }
    return true
  }

  /**
   * Removes files that are no longer, or never became, part of the archive. One that begins after the archive's position may be on its way
   * in; one before it that the database does not know can't come any more.
   */
  async #tidy(query: Query, position: number, folder: ArchiveFolder): Promise<void> {
    const known = new Set((await query(this.#files, [])).map(([file]) => String(file)))
    for (const { name, first } of await folder.list(this.#link.scope)) {
      if (first <= position && !known.has(name)) await folder.remove(name)
    }
  }

  #transaction<T>(what: string, work: (query: Query, position: number) => Promise<T>): Promise<T> {
    const locked = async (query: Query): Promise<T> => work(query, Number((await query(this.#lock, []))[0]?.[0] ?? 0))
    return this.#link.transaction(what, locked, { answerMs })
  }
}
