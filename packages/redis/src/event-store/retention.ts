import { type Position, toError } from '@interline/core'
import { Repeat } from '../waiting.js'
import type { EventFetcher } from './event-fetcher.js'
import type { RemovedEvents, ResolvedRetention } from './event-store-options.js'
import type { LogEntry } from './log-entry.js'
import type { LogReader } from './log-reader.js'
import type { StoreCheckpoints } from './store-checkpoints.js'
import type { StoreLink } from './store-link.js'
import type { Traces } from './traces.js'

export interface RetentionParts {
  readonly link: StoreLink
  readonly log: LogReader
  readonly fetcher: EventFetcher
  readonly traces: Traces
  readonly checkpoints: StoreCheckpoints
}

const pageSize = 100
const tellEveryMs = 60_000
const afterFailureMs = 5_000

/** Gives up the oldest events beyond what the options keep, and says so: removing events is never silent. */
export class Retention {
  readonly #parts: RetentionParts
  readonly #options: ResolvedRetention
  readonly #repeat: Repeat
  #untold = { events: 0, streams: 0 }
  #toldAt = Number.NEGATIVE_INFINITY
  /** Which reader keeps events from being removed, for health. */
  heldBackBy: string | undefined

  constructor(parts: RetentionParts, options: ResolvedRetention) {
    this.#parts = parts
    this.#options = options
    this.#repeat = new Repeat(
      async () => {
        await this.apply()
        return options.intervalMs
      },
      (error) => {
        parts.link.logger.warn('The retention of the event store was not applied. It will be tried again.', {
          error: toError(error).message,
        })
        return afterFailureMs
      },
    )
  }

  start(): void {
    this.#repeat.within(this.#options.intervalMs)
  }

  stop(): Promise<void> {
    return this.#repeat.stop()
  }

  /** One pass, now. */
  async apply(): Promise<RemovedEvents> {
    const { link, log, fetcher, traces } = this.#parts
    await traces.sweep()
    let kept = await link.read('count events', (client) => client.xlen(link.keys.log))
    const oldest = (await this.#now()) - this.#options.maxAgeMs
    const bound = await this.#bound()
    const streams = new Set<string>()
    let events = 0
    let after: string | undefined = '0'
    this.heldBackBy = undefined
    while (after !== undefined) {
      const page = await log.page(after, pageSize, undefined)
      const excess = kept - this.#options.maxEvents
      const gone = leading(page.entries, (entry, index) => index < excess || entry.recordedAt <= oldest)
      const free = leading(gone, ({ position }) => Number(position) <= bound.position)
      if (free.length < gone.length) this.heldBackBy = bound.name
      if (free.length === 0) break
      await traces.remove(free, await fetcher.fetch(free, undefined))
      for (const { stream } of free) streams.add(stream)
      events += free.length
      kept -= free.length
      after = free.length < page.entries.length ? undefined : page.next
    }
    const removed = { events, streams: streams.size }
    if (events > 0) this.#tell(removed)
    return removed
  }

  async #bound(): Promise<{ readonly position: number; readonly name: string | undefined }> {
    const slowest = this.#options.unread === 'remove' ? undefined : await this.#parts.checkpoints.slowest()
    return slowest === undefined
      ? { position: Number.POSITIVE_INFINITY, name: undefined }
      : { ...slowest, position: number(slowest.position) }
  }

  async #now(): Promise<number> {
    const [seconds, microseconds] = await this.#parts.link.read('tell the time', (client) => client.time())
    return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000)
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
    this.#parts.link.logger.warn(
      `The event store removed its ${events} oldest events, of ${streams} or more streams, as ttl, maxEvents or retention ask. Aggregates among them can't be loaded from their beginning.`,
    )
    this.#untold = { events: 0, streams: 0 }
    this.#toldAt = now
  }
}

function number(position: Position): number {
  return Number(position)
}

function leading(entries: readonly LogEntry[], test: (entry: LogEntry, index: number) => boolean): readonly LogEntry[] {
  const end = entries.findIndex((entry, index) => !test(entry, index))
  return end === -1 ? entries : entries.slice(0, end)
}
