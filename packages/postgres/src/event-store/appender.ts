import { randomUUID } from 'node:crypto'
import {
  type AppendOptions,
  type AppendResult,
  EventTooLargeError,
  type ExpectedVersion,
  InvalidEventError,
  type WireMessage,
  WrongExpectedVersionError,
} from '@interline/core'
import type { Query, Row } from '../database/database.js'
import { plainArray, prepared, type Statement, TextList, textArray, type Value } from '../database/statement.js'
import { AppendQueue } from './append-queue.js'
import type { StoreLink } from './store-link.js'
import { type StoredRow, storedRow } from './stored-row.js'

/** What one statement can carry without taking the server's or this process' breath away. */
const maxEvents = 10_000
const maxBytes = 64 * 1024 * 1024
const deletionMs = 60_000

/** Verdicts of the function that appends. */
const verdict = { appended: 0, repeated: 1, conflict: 2, known: 3, alone: 4 } as const
const deletion = { deleted: 0, absent: 1, conflict: 2 } as const
const expectations = { any: -1, 'no-stream': -2, 'stream-exists': -3 } as const

/** One append, ready to be sent. */
export interface Group {
  readonly stream: string
  readonly expected: number
  readonly forward: boolean
  readonly rows: readonly StoredRow[]
  readonly size: number
}

/** What changes streams. Every call may be executed again: the same events, or the same deletion, are done once. */
export class Appender {
  readonly #link: StoreLink
  readonly #queue: AppendQueue<Group, Row>
  readonly #append: Statement
  readonly #delete: Statement

  constructor(link: StoreLink) {
    this.#link = link
    this.#append = prepared(appendText(link.names.append))
    this.#delete = prepared(`SELECT outcome, version FROM ${link.names.deleteStream}($1::text, $2::bigint, $3::text)`)
    this.#queue = new AppendQueue({
      flights: () => (link.concurrent ? 2 : 1),
      alone: async (group, signal) => (await this.#send([group], signal))[0] as Row,
      together: async (groups) => {
        groups.sort(byStream)
        const rows = await this.#send(groups, undefined)
        return groups.map((group, index) => ({ item: group, result: isVerdict(rows[index]) ? rows[index] : undefined }))
      },
    })
  }

  async append(stream: string, messages: readonly WireMessage[], options: AppendOptions): Promise<AppendResult> {
    const { expectedVersion = 'any', forward = true, signal } = options
    const rows = messages.map(storedRow)
    const size = rows.reduce((sum, row) => sum + row.size, 0)
    if (messages.length > maxEvents || size > maxBytes) {
      throw new EventTooLargeError(
        `${messages.length} events of ${size} bytes for stream "${stream}" at once; ${maxEvents} of ${maxBytes} are possible. Append them in parts.`,
      )
    }
    const group = { stream, expected: codeOf(expectedVersion), forward, rows, size }
    const row = rows.length === 0 ? (await this.#send([group], signal))[0] : await this.#queue.add(group, signal)
    const [outcome, version, position, detail] = row as [number, string | number, string | number | null, string | null]
    switch (outcome) {
      case verdict.appended:
      case verdict.repeated:
        return { version: Number(version), position: position === null ? await this.#newest(signal) : String(position) }
      case verdict.conflict:
        throw new WrongExpectedVersionError(stream, expectedVersion, Number(version))
      default: {
        const id = messages[Number(version)]?.attributes.id
        throw new InvalidEventError(
          detail === stream
            ? `Event "${id}" is in stream "${stream}" already, in other company. Append only what is new.`
            : `Event "${id}" is in stream "${detail}" already, and a store keeps an event once. Give the event for "${stream}" an id of its own.`,
        )
      }
    }
  }

  /** Answers whether there was a stream. */
  async delete(stream: string, { expectedVersion = 'any', signal }: AppendOptions): Promise<boolean> {
    const values = [stream, String(codeOf(expectedVersion)), randomUUID()]
    const options = { signal, timeoutMs: deletionMs, answerMs: deletionMs }
    const [row] = await this.#link.write(`delete stream "${stream}"`, (query) => query(this.#delete, values), options)
    const [outcome, version] = row as [number, string | number]
    if (outcome === deletion.conflict) throw new WrongExpectedVersionError(stream, expectedVersion, Number(version))
    return outcome === deletion.deleted
  }

  #send(groups: readonly Group[], signal: AbortSignal | undefined): Promise<readonly Row[]> {
    const what = groups.length === 1 ? `append to stream "${groups[0]?.stream}"` : `append to ${groups.length} streams`
    const values = valuesOf(groups)
    const work = (query: Query, again: boolean): Promise<readonly Row[]> => {
      // Only one that is alone can look for what an earlier try has done.
      if (groups.length > 1 && again) return Promise.resolve([])
      // Of nothing, only the expectation is looked at.
      values[4] = again || groups[0]?.rows.length === 0
      return query(this.#append, values)
    }
    return this.#link.write(what, work, { signal })
  }

  async #newest(signal: AbortSignal | undefined): Promise<string> {
    const [row] = await this.#link.read('tell its newest position', (query) => query(newest(this.#link.names.position), []), { signal })
    return String(row?.[0])
  }
}

function isVerdict(row: Row | undefined): boolean {
  return row !== undefined && row[0] !== verdict.alone
}

function byStream(one: Group, other: Group): number {
  return one.stream < other.stream ? -1 : one.stream > other.stream ? 1 : 0
}

function codeOf(expected: ExpectedVersion): number {
  return typeof expected === 'number' ? expected : expectations[expected]
}

function newest(sequence: string): Statement {
  return { text: `SELECT last_value FROM ${sequence}` }
}

/** Lists of others than texts come as text, and are cast on the server: so they are the same for every driver. */
function appendText(name: string): string {
  const types = ['text[]', 'bigint[]', 'integer[]', 'boolean[]', 'boolean', ...Array<string>(7).fill('text[]'), 'bytea[]']
  const parameters = types.map((type, index) => `$${index + 1}${type === 'boolean' || type === 'text[]' ? '' : '::text'}::${type}`)
  return `SELECT outcome, version, "position", detail FROM ${name}(${parameters.join(', ')})`
}

function valuesOf(groups: readonly Group[]): Value[] {
  const rows = groups.length === 1 ? (groups[0] as Group).rows : groups.flatMap((group) => group.rows)
  return [
    new TextList(groups.map(({ stream }) => stream)),
    plainArray(groups.map(({ expected }) => expected)),
    plainArray(groups.map((group) => group.rows.length)),
    plainArray(groups.map(({ forward }) => forward)),
    false,
    new TextList(rows.map(({ id }) => id)),
    new TextList(rows.map(({ type }) => type)),
    column(rows, 'correlationId'),
    column(rows, 'tenantId'),
    column(rows, 'aggregateType'),
    new TextList(rows.map(({ head }) => head)),
    column(rows, 'data'),
    bytesOf(rows),
  ]
}

/** Nothing where no row has it. */
function column(rows: readonly StoredRow[], name: 'correlationId' | 'tenantId' | 'aggregateType' | 'data'): TextList | null {
  const items = rows.map((row) => row[name])
  return items.every((item) => item === null) ? null : new TextList(items)
}

function bytesOf(rows: readonly StoredRow[]): string | null {
  const items = rows.map(({ bytes }) => bytes)
  return items.every((item) => item === null) ? null : textArray(items)
}
