import { ConfigurationError, InvalidEventError, type WireMessage } from '@interline/core'
import { plainArray, textArray } from '../database/statement.js'
import { type StoredRow, storedRow } from '../event-store/stored-row.js'
import type { SqlValue, UserDatabase } from '../libraries/user-database.js'
import { partitionOf } from './entry-state.js'
import type { OutboxNames } from './outbox-names.js'

/** What one statement can carry without taking the server's or this process' breath away. */
const mostRows = 1_000
const mostBytes = 8 * 1024 * 1024
/** What waits is found by its destination and key, which share an entry of an index. */
const mostIndexedBytes = 1_000

/** A message on its way into the table. */
export interface Entry extends StoredRow {
  readonly partition: number
  readonly destination: string
  readonly key: string | null
}

export function entryOf(message: WireMessage): Entry {
  const { destination, key } = message
  if (message.target !== undefined) {
    throw new ConfigurationError('An event for one group only can not wait in an outbox. Publish it by the broker.')
  }
  for (const [name, text] of Object.entries({ key, destination })) {
    if (text !== undefined && text.length * 3 > mostIndexedBytes && Buffer.byteLength(text) > mostIndexedBytes) {
      throw new InvalidEventError(
        `The ${name} "${text.slice(0, 40)}…" is longer than ${mostIndexedBytes} bytes, which is what an index can hold. Use a shorter one.`,
      )
    }
  }
  const row = storedRow(message)
  // Without a key there is no order to keep: such events are spread evenly.
  return { ...row, partition: partitionOf(key === undefined ? row.id : `${destination}\n${key}`), destination, key: key ?? null }
}

/** Writes entries by one statement for all that fit into one. */
export class EntryWriter {
  readonly #one: string
  readonly #many: string

  constructor(names: OutboxNames, hints: boolean) {
    const into = `INSERT INTO ${names.entries} (partition, destination, key, event_id, type, correlation_id, head, data, bytes)`
    const told = (insert: string): string =>
      hints
        ? `WITH added AS (${insert} RETURNING 1) SELECT pg_notify('${names.channel}', '')::text FROM (SELECT FROM added LIMIT 1) told`
        : insert
    // The transaction has its number before an entry has its own: by that a relay knows who may still add before what it has read.
    const numbered = 'pg_current_xact_id() AS numbered'
    this.#one = told(
      `${into} SELECT $1::text::smallint, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text::bytea FROM ${numbered}`,
    )
    this.#many = told(
      `${into} SELECT e.* FROM ${numbered}, unnest($1::text::smallint[], $2::text::text[], $3::text::text[], $4::text::text[], $5::text::text[],
        $6::text::text[], $7::text::text[], $8::text::text[], $9::text::bytea[]) AS e`,
    )
  }

  /** In order, and so are their numbers. */
  async write(ask: (text: string, values: readonly SqlValue[]) => Promise<unknown>, entries: readonly Entry[]): Promise<void> {
    const [only] = entries
    if (only !== undefined && entries.length === 1) {
      const { partition, destination, key, id, type, correlationId, head, data, bytes } = only
      await ask(this.#one, [String(partition), destination, key, id, type, correlationId, head, data, bytes])
      return
    }
    for (const part of partsOf(entries)) {
      const list = (pick: (entry: Entry) => string | null): string => textArray(part.map(pick))
      await ask(this.#many, [
        plainArray(part.map(({ partition }) => partition)),
        list(({ destination }) => destination),
        list(({ key }) => key),
        list(({ id }) => id),
        list(({ type }) => type),
        list(({ correlationId }) => correlationId),
        list(({ head }) => head),
        list(({ data }) => data),
        list(({ bytes }) => bytes),
      ])
    }
  }
}

function* partsOf(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let part: Entry[] = []
  let bytes = 0
  for (const entry of entries) {
    if (part.length === mostRows || (part.length > 0 && bytes + entry.size > mostBytes)) {
      yield part
      part = []
      bytes = 0
    }
    part.push(entry)
    bytes += entry.size
  }
  if (part.length > 0) yield part
}

export function checkTransaction<Transaction>(user: UserDatabase<Transaction>, transaction: unknown, call: string): void {
  const given = typeof transaction === 'object' || typeof transaction === 'function' ? transaction : null
  const why = given === null ? 'is missing' : user.refusal?.(transaction)
  if (why === undefined) return
  throw new ConfigurationError(
    `${call} needs the transaction that the events belong to, and what was given ${why}. Call it inside of transaction((tx) => …), with that tx.`,
  )
}
