import { toError } from '@interline/core'
import { prepared, type Statement } from '../database/statement.js'
import { pause } from '../waiting.js'
import type { RemovedEvents, ResolvedRetention } from './event-store-options.js'
import type { StoreCheckpoints } from './store-checkpoints.js'
import type { StoreLink } from './store-link.js'

const pageSize = 1_000
const tellEveryMs = 60_000
const answerMs = 60_000

/** Gives up the oldest events beyond what the options keep, and says so: removing events is never silent. */
export class Retention {
  readonly #link: StoreLink
  readonly #checkpoints: StoreCheckpoints
  readonly #options: ResolvedRetention
  readonly #beyond: Statement
  readonly #remove: Statement
  readonly #stopped = new AbortController()
  #loop: Promise<void> | undefined
  #untold = { events: 0, streams: 0 }
  #toldAt = Number.NEGATIVE_INFINITY
  /** Which reader keeps events from being removed, for health. */
  heldBackBy: string | undefined

  constructor(link: StoreLink, checkpoints: StoreCheckpoints, options: ResolvedRetention) {
    this.#link = link
    this.#checkpoints = checkpoints
    this.#options = options
    const { events } = link.names
    this.#beyond = prepared(`SELECT position FROM ${events} ORDER BY position DESC OFFSET $1::bigint LIMIT 1`)
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

  start(): void {
    this.#loop ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#loop
  }

  /** One pass, now. */
  async apply(): Promise<RemovedEvents> {
    const { maxEvents, maxAgeMs, unread } = this.#options
    const counted = Number.isFinite(maxEvents) ? await this.#positionBeyond(maxEvents) : 0
    const age = Number.isFinite(maxAgeMs) ? String(maxAgeMs) : null
    const slowest = unread === 'remove' ? undefined : await this.#checkpoints.slowest()
    const read = slowest === undefined ? Number.MAX_SAFE_INTEGER : Number(slowest.position) || 0
    const streams = new Set<string>()
    let events = 0
    let heldBack = false
    // Without an age, what the count keeps is kept: a page without a limit of its own would remove nothing less.
    if (counted > 0 || age !== null) {
      for (;;) {
        const values = [String(counted), age, String(read)]
        const [row] = await this.#link.write('remove old events', (query) => query(this.#remove, values), { answerMs })
        const [page, free, gone] = (row ?? []).slice(0, 3).map(Number) as [number, number, number]
        for (const stream of JSON.parse(String(row?.[3])) as readonly string[]) streams.add(stream)
        events += gone
        heldBack = gone < free
        if (gone < page || page < pageSize) break
      }
    }
    this.heldBackBy = heldBack ? slowest?.name : undefined
    const removed = { events, streams: streams.size }
    if (events > 0) this.#tell(removed)
    return removed
  }

  async #positionBeyond(kept: number): Promise<number> {
    const [row] = await this.#link.read('count events', (query) => query(this.#beyond, [String(kept)]), { answerMs })
    return Number(row?.[0] ?? 0)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    for (;;) {
      await pause(this.#options.intervalMs, signal)
      if (signal.aborted) return
      try {
        await this.apply()
      } catch (thrown) {
        if (signal.aborted) return
        this.#link.logger.warn('The retention of the event store was not applied. It will be tried again.', {
          error: toError(thrown).message,
        })
      }
    }
  }

  #tell(removed: RemovedEvents): void {
    if (this.#options.onRemoved !== undefined) {
      this.#options.onRemoved(removed)
      return
    }
    this.#untold = { events: this.#untold.events + removed.events, streams: Math.max(this.#untold.streams, removed.streams) }
    const now = performance.now()
    if (now - this.#toldAt < tellEveryMs) return
    const { events, streams } = this.#untold
    this.#link.logger.warn(
      `The event store removed its ${events} oldest events, of ${streams} or more streams, as retention asks. Aggregates among them can't be loaded from their beginning.`,
    )
    this.#untold = { events: 0, streams: 0 }
    this.#toldAt = now
  }
}
