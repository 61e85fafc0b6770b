import type { Query, Row } from '../../database/database.js'
import { plainArray, prepared, type Statement, TextList } from '../../database/statement.js'
import type { ResolvedArchive } from '../event-store-options.js'
import type { Pass, PassBounds } from '../pass-bounds.js'
import type { StoreLink } from '../store-link.js'
import { recordedOf, storedColumns } from '../stored-row.js'
import type { ArchiveFolder } from './archive-folder.js'
import { ArchiveUpkeep } from './archive-upkeep.js'
import { VersionSpans } from './version-spans.js'

export interface ArchivedEvents {
  readonly events: number
}

export interface ArchivePass extends ArchivedEvents {
  /** The reader because of which more was left than the options ask for. */
  readonly heldBackBy: string | undefined
}

/** Events that are moved in one transaction, which is one file. */
const mostEvents = 10_000
const mostBytes = 16 * 1024 * 1024
const answerMs = 60_000

/**
 * Moves the oldest events out of the way. Each step is one transaction under the lock of the archive's position: it takes a span of events
 * that is complete, puts it into the table or into a file that is on the disk by then, and says up to where everything is archived. So at
 * any moment, for any statement, an event is in one place; and a process that dies in the middle leaves at most a file that nobody knows.
 */
export class Archiver {
  readonly #link: StoreLink
  readonly #bounds: PassBounds
  readonly #options: ResolvedArchive
  readonly #folder: ArchiveFolder | undefined
  readonly #upkeep: ArchiveUpkeep
  readonly #lock: Statement
  readonly #cut: Statement
  readonly #move: Statement
  readonly #read: Statement
  readonly #remove: Statement
  readonly #segment: Statement
  readonly #streams: Statement
  readonly #passed: Statement
  readonly #bound: Statement

  constructor(link: StoreLink, bounds: PassBounds, options: ResolvedArchive, folder: ArchiveFolder | undefined) {
    this.#link = link
    this.#bounds = bounds
    this.#options = options
    this.#folder = folder
    this.#upkeep = new ArchiveUpkeep(link, folder, options.keepMs)
    const { events, archive, archived, segments, segmentStreams, bound } = link.names
    this.#lock = prepared(`SELECT position FROM ${archived} FOR UPDATE`)
    // The oldest ones, as the retention finds them, and nothing beyond what is complete: $4.
    this.#cut = prepared(
      `WITH page AS (SELECT position, recorded_at, sum(size) OVER (ORDER BY position) - size AS before FROM (
           SELECT position, recorded_at, coalesce(octet_length(data), 0) + coalesce(octet_length(bytes), 0) AS size FROM ${events}
           ORDER BY position LIMIT ${mostEvents}) AS oldest),
         stays AS (SELECT coalesce(min(position), 9223372036854775807) AS first FROM page WHERE position > $1::bigint
           AND ($2::bigint IS NULL OR recorded_at > floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint - $2::bigint))
       SELECT count(*), count(*) FILTER (WHERE position < stays.first),
         count(*) FILTER (WHERE position < stays.first AND position <= $3::bigint),
         max(position) FILTER (WHERE position < stays.first AND position <= least($3::bigint, $4::bigint) AND before < ${mostBytes}),
         count(*) FILTER (WHERE position < stays.first AND position <= least($3::bigint, $4::bigint) AND before < ${mostBytes})
       FROM page, stays`,
    )
    this.#move = prepared(
      `WITH moved AS (DELETE FROM ${events} WHERE position <= $1::bigint RETURNING *) INSERT INTO ${archive} SELECT * FROM moved`,
    )
    this.#read = prepared(`SELECT ${storedColumns} FROM ${events} WHERE position <= $1::bigint ORDER BY position FOR UPDATE`)
    this.#remove = prepared(`DELETE FROM ${events} WHERE position <= $1::bigint`)
    this.#segment = prepared(
      `INSERT INTO ${segments} (first, last, file, events, oldest_at, newest_at)
       VALUES ($1::bigint, $2::bigint, $3::text, $4::integer, $5::bigint, $6::bigint)`,
    )
    this.#streams = prepared(
      `INSERT INTO ${segmentStreams} (stream, first, from_version, to_version)
       SELECT s.stream, $2::bigint, s.from_version, s.to_version FROM unnest($1::text[], $3::text::bigint[], $4::text::bigint[])
         AS s (stream, from_version, to_version)`,
    )
    this.#passed = prepared(`UPDATE ${archived} SET position = $1::bigint`)
    this.#bound = prepared(`SELECT bound FROM ${bound}(-1)`)
  }

  /** One pass: as many steps as there is something to move, then what the archive itself needs. */
  async pass(): Promise<ArchivePass> {
    const pass = await this.#bounds.of(this.#options)
    let events = 0
    let heldBackBy: string | undefined
    for (let more = pass.asks; more; ) {
      const step = await this.#link.transaction('archive events', (query) => this.#step(query, pass), { answerMs })
      events += step.moved
      heldBackBy = step.heldBack ? pass.slowest : undefined
      more = step.more
    }
    await this.#upkeep.run()
    return { events, heldBackBy }
  }

  async #step(query: Query, pass: Pass): Promise<{ readonly moved: number; readonly heldBack: boolean; readonly more: boolean }> {
    await query(this.#lock, [])
    const [bound] = await query(this.#bound, [])
    const values = [String(pass.counted), pass.age, String(pass.read), String(bound?.[0] ?? 0)]
    const [row] = await query(this.#cut, values)
    const [page, asked, unread, last, moved] = (row ?? []).map(Number) as [number, number, number, number, number]
    const heldBack = unread < asked
    if (moved === 0 || moved < this.#options.minEvents) return { moved: 0, heldBack, more: false }
    if (this.#folder === undefined) await query(this.#move, [String(last)])
    else await this.#toFile(query, last, this.#folder)
    await query(this.#passed, [String(last)])
    return { moved, heldBack, more: moved === page || moved < unread }
  }

  async #toFile(query: Query, last: number, folder: ArchiveFolder): Promise<void> {
    const rows = await query(this.#read, [String(last)])
    const first = Number((rows[0] as Row)[2])
    const head = { format: 'interline.archive', version: 1, scope: this.#link.scope, first, last } as const
    const events = rows.map((row) => recordedOf(row))
    const file = await folder.write(head, events)
    const times = events.map(({ recordedAt }) => recordedAt)
    const [oldest, newest] = times.reduce(([low, high], time) => [Math.min(low, time), Math.max(high, time)] as const, [
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ] as const)
    await query(this.#segment, [String(first), String(last), file, events.length, String(oldest), String(newest)])
    const spans = new VersionSpans(events)
    const lists = [new TextList(spans.streams), String(first), plainArray(spans.from), plainArray(spans.to)]
    if (spans.streams.length > 0) await query(this.#streams, lists)
    await query(this.#remove, [String(last)])
  }
}
