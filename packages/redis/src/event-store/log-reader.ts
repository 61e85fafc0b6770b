import {
  ConfigurationError,
  checkReadAll,
  eventFilter,
  filteredOf,
  PageSize,
  type ReadAllOptions,
  type RecordedEvent,
  tombstone,
} from '@interline/core'
import type { EventFetcher } from './event-fetcher.js'
import { isDeletion, type LogEntry, logEntryAt, logEntryOf } from './log-entry.js'
import { positionBeforeScript } from './scripts/position-before.js'
import { sizeOf } from './store-entry.js'
import { eventField } from './store-keys.js'
import type { StoreLink } from './store-link.js'

interface Page {
  readonly entries: readonly LogEntry[]
  /** The position after which the next page begins; `undefined` where this was the last. */
  readonly next: string | undefined
}

const pageEntries = 1_000

/** Reads the global order, or what an index knows of it. */
export class LogReader {
  readonly #link: StoreLink
  readonly #fetcher: EventFetcher

  constructor(link: StoreLink, fetcher: EventFetcher) {
    this.#link = link
    this.#fetcher = fetcher
  }

  async *readAll(options: ReadAllOptions): AsyncGenerator<RecordedEvent, void, undefined> {
    checkReadAll(options)
    const { correlationId, signal } = options
    const wanted = eventFilter(options)
    const until = options.until?.getTime() ?? Number.POSITIVE_INFINITY
    const size = new PageSize(100)
    let left = options.limit ?? Number.POSITIVE_INFINITY
    let after: string | undefined = await this.#start(options)
    while (after !== undefined && left > 0) {
      const count = Math.min(pageEntries, left)
      const page: Page =
        correlationId === undefined ? await this.page(after, count, signal) : await this.#indexed(correlationId, after, count, signal)
      const entries = correlationId === undefined ? page.entries.filter((entry) => wanted({ ...entry, correlationId })) : page.entries
      for (let at = 0; at < entries.length && left > 0; ) {
        const chunk = Math.min(size.size, left)
        const events = await this.#events(entries.slice(at, at + chunk), signal)
        at += chunk
        let bytes = 0
        for (const event of events) {
          signal?.throwIfAborted()
          if (event === undefined || !wanted(filteredOf(event.message.attributes, event.recordedAt))) continue
          bytes += sizeOf(event.message)
          yield event
          if (--left <= 0) return
        }
        size.saw(events.length, bytes)
      }
      const last = page.entries.at(-1)
      after = last !== undefined && last.recordedAt >= until ? undefined : page.next
    }
  }

  async head(signal: AbortSignal | undefined): Promise<string> {
    const position = await this.#link.read('tell its newest position', (client) => client.hget(this.#link.keys.state, 'position'), signal)
    return position ?? '0'
  }

  /** The entries after a position, whatever they are. */
  async page(after: string, count: number, signal: AbortSignal | undefined): Promise<Page> {
    const { log } = this.#link.keys
    const found = await this.#link.read('read the log', (client) => client.xrange(log, `(${after}-0`, '+', 'COUNT', count), signal)
    const entries = found.map(([id, fields]) => logEntryOf(id, fields))
    return { entries, next: entries.length < count ? undefined : entries.at(-1)?.position }
  }

  /** Where to begin. Rejects what is no position of this store. */
  async #start({ after = '0', since, signal }: ReadAllOptions): Promise<string> {
    if (!/^\d{1,16}$/.test(after)) {
      throw new ConfigurationError(
        `"${after.slice(0, 40)}" is no position of this store. Give one that it gave, within the scope "${this.#link.scope}".`,
      )
    }
    if (after !== '0') await this.#check(after, signal)
    if (since === undefined) return after
    const values = [String(since.getTime())]
    const { state, log } = this.#link.keys
    const before = String(await this.#link.read('find a time', (client) => positionBeforeScript.run(client, [state, log], values), signal))
    return Number(before) > Number(after) ? before : after
  }

  async #check(after: string, signal: AbortSignal | undefined): Promise<void> {
    const head = await this.head(signal)
    if (Number(after) <= Number(head)) return
    throw new ConfigurationError(
      `Position ${after} is ahead of the store, whose newest is ${head}: it is of another store, or this one lost its data. Let that reader begin anew.`,
    )
  }

  /** What has this correlation id: what the index knows, and the event whose own id it is. */
  async #indexed(correlationId: string, after: string, count: number, signal: AbortSignal | undefined): Promise<Page> {
    const { keys } = this.#link
    const name = keys.correlation(correlationId)
    const [members, own] = await this.#link.read(
      'read what belongs together',
      (client) =>
        Promise.all([
          client.zrangebyscore(name, `(${after}`, '+inf', 'LIMIT', 0, count),
          client.hget(keys.state, eventField(correlationId)),
        ]),
      signal,
    )
    const entries = members.map(logEntryAt)
    const last = entries.length < count ? undefined : entries.at(-1)?.position
    const root = own === null ? undefined : logEntryAt(own)
    if (root !== undefined && Number(root.position) > Number(after) && (last === undefined || Number(root.position) < Number(last))) {
      entries.push(root)
      entries.sort((one, other) => Number(one.position) - Number(other.position))
    }
    return { entries, next: last }
  }

  async #events(entries: readonly LogEntry[], signal: AbortSignal | undefined): Promise<(RecordedEvent | undefined)[]> {
    const kept = entries.filter((entry) => !isDeletion(entry))
    const events = await this.#fetcher.fetch(kept, signal)
    if (kept.length === entries.length) return events
    let next = 0
    return entries.map((entry) => (isDeletion(entry) ? deletionOf(entry) : events[next++]))
  }
}

function deletionOf({ stream, version, position, recordedAt }: LogEntry): RecordedEvent {
  return { stream, version, position, recordedAt, forward: false, message: tombstone(stream, version, recordedAt) }
}
