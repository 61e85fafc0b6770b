import type { ResolvedRetention, RetentionPass } from '@interline/core'
import { prepared, type Statement } from '../database/statement.js'
import type { PassBounds } from './pass-bounds.js'
import type { StoreLink } from './store-link.js'

const pageSize = 1_000
const answerMs = 60_000

/** Gives up the oldest events beyond what the options keep. */
export class OldEvents {
  readonly #link: StoreLink
  readonly #bounds: PassBounds
  readonly #remove: Statement

  constructor(link: StoreLink, bounds: PassBounds) {
    this.#link = link
    this.#bounds = bounds
    const { events } = link.names
    // The oldest ones up to the first that stays: $1 is where the count ends, $2 milliseconds of age, $3 where readers are.
    this.#remove = prepared(
      `WITH page AS (SELECT position, recorded_at FROM ${events} ORDER BY position LIMIT ${pageSize}),
         stays AS (SELECT coalesce(min(position), 9223372036854775807) AS first FROM page WHERE position > $1::bigint
           AND ($2::bigint IS NULL OR recorded_at > floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint - $2::bigint)),
         gone AS (DELETE FROM ${events} e USING stays WHERE e.position IN (SELECT position FROM page)
           AND e.position < stays.first AND e.position <= $3::bigint RETURNING e.stream)
       SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM page, stays WHERE page.position < stays.first),
         (SELECT count(*) FROM gone), array_to_json(ARRAY(SELECT DISTINCT stream FROM gone))::text`,
    )
  }

  /** One pass. */
  async remove({ maxEvents, maxAgeMs, unread }: ResolvedRetention): Promise<RetentionPass> {
    const pass = await this.#bounds.of({ maxEvents, maxAgeMs, keepsUnread: unread === 'keep' })
    const streams = new Set<string>()
    let events = 0
    let heldBack = false
    for (let more = pass.asks; more; ) {
      const values = [String(pass.counted), pass.age, String(pass.read)]
      const [row] = await this.#link.write('remove old events', (query) => query(this.#remove, values), { answerMs })
      const [page, free, gone] = (row ?? []).slice(0, 3).map(Number) as [number, number, number]
      for (const stream of JSON.parse(String(row?.[3])) as readonly string[]) streams.add(stream)
      events += gone
      heldBack = gone < free
      more = gone === page && page === pageSize
    }
    return { events, streams: streams.size, heldBackBy: heldBack ? pass.slowest : undefined }
  }
}
