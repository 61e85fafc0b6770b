import { ConfigurationError, checkReadAll, eventFilter, filteredOf, type ReadAllOptions, type RecordedEvent } from '@interline/core'
import { prepared, type Statement } from '../database/statement.js'
import { LogQuery } from './log-query.js'
import { readAhead } from './read-ahead.js'
import type { StoreLink } from './store-link.js'
import { recordedOf } from './stored-row.js'

const spanMs = 60_000

interface Span {
  readonly after: number
  readonly to: number
}

/** Reads all streams in their one order, up to where nothing can appear any more: what a reader has passed is complete. */
export class LogReader {
  readonly #link: StoreLink
  readonly #bound: Statement
  readonly #times: Statement

  constructor(link: StoreLink) {
    this.#link = link
    this.#bound = prepared(`SELECT bound, newest FROM ${link.names.bound}($1::bigint)`)
    // The sums keep the planner from walking the order of all to its first hit, instead of the index of times.
    this.#times = prepared(
      `SELECT min(position + 0), max(position + 0) FROM ${link.names.events} WHERE recorded_at >= $1::bigint AND recorded_at < $2::bigint`,
    )
  }

  async *readAll(options: ReadAllOptions): AsyncGenerator<RecordedEvent, void, undefined> {
    checkReadAll(options)
    if (options.types?.length === 0) return
    const { signal } = options
    const wanted = eventFilter(options)
    const { statement, values } = new LogQuery(this.#link.names, options)
    let left = options.limit ?? Number.POSITIVE_INFINITY
    if (left === 0) return
    const { after: first, to } = await this.#span(options)
    if (first >= to) return
    const pages = readAhead({
      first,
      // What is found by a correlation id is looked at once more below.
      limit: options.correlationId === undefined ? left : Number.POSITIVE_INFINITY,
      fetch: (after, count) => {
        const all = [String(after), String(to), String(count), ...values]
        return this.#link.read('read all events', (query) => query(statement, all), { signal })
      },
      after: ([, , position]) => Number(position),
    })
    for await (const rows of pages) {
      for (const row of rows) {
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

  /** Which positions are read. Rejects what is no position of this store. */
  async #span(options: ReadAllOptions): Promise<Span> {
    const { after: given = '0', since, until, signal } = options
    if (!/^\d{1,16}$/.test(given)) {
      throw new ConfigurationError(
        `"${given.slice(0, 40)}" is no position of this store. Give one that it gave, within the scope "${this.#link.scope}".`,
      )
    }
    const after = Number(given)
    const [bound, newest] = await this.#boundAfter(after, signal)
    if (after > newest) {
      throw new ConfigurationError(
        `Position ${given} is ahead of the store, whose newest is ${newest}: it is of another store, or this one was restored from a backup. Let that reader begin anew.`,
      )
    }
    if (since === undefined && until === undefined) return { after, to: bound }
    const times = [String(since?.getTime() ?? 0), String(until?.getTime() ?? Number.MAX_SAFE_INTEGER)]
    const [found] = await this.#link.read('find a time', (query) => query(this.#times, times), { signal, answerMs: spanMs })
    const [first, last] = found ?? []
    if (first === null || first === undefined) return { after, to: after }
    return { after: Math.max(after, Number(first) - 1), to: Math.min(bound, Number(last)) }
  }

  async #boundAfter(after: number, signal: AbortSignal | undefined): Promise<readonly [bound: number, newest: number]> {
    const [row] = await this.#link.read('tell its newest position', (query) => query(this.#bound, [String(after)]), { signal })
    return [Number(row?.[0]), Number(row?.[1])]
  }
}
