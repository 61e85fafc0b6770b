import type { WireMessage } from '@interline/core'
import { plain } from '../database/statement.js'
import { entryState } from './entry-state.js'
import type { OutboxLink } from './outbox-link.js'
import { takenEntry } from './relay/taken-entry.js'

/** An event that the relay gave up, or tries again. */
export interface DeadEntry {
  /** Names the entry. */
  readonly id: string
  readonly eventId: string
  readonly eventType: string
  readonly destination: string
  readonly attempts: number
  readonly error: string
  /** Undefined where it can't be read. */
  readonly message: WireMessage | undefined
}

export interface DeadEntryPage {
  /** Default `dead`. `failed`: what is tried again, and holds up its key or its destination. */
  readonly state?: 'dead' | 'failed' | undefined
  /** Default 100. */
  readonly limit?: number | undefined
  /** The id of the last one seen. */
  readonly after?: string | undefined
}

export interface RedriveEntries {
  /** Where they go instead, where their destination is no more. */
  readonly destination?: string | undefined
}

/**
 * What the relay gave up, for a person to look at, to send once more, or to throw away. Ids left out mean all of that; ids may also name what is
 * still tried.
 */
export class DeadEntries {
  readonly #link: OutboxLink
  readonly #changed: () => void

  constructor(link: OutboxLink, changed: () => void) {
    this.#link = link
    this.#changed = changed
  }

  /** Oldest first. */
  async list({ state = 'dead', limit = 100, after = '0' }: DeadEntryPage = {}): Promise<readonly DeadEntry[]> {
    const text = `SELECT state, partition, id, destination, key, event_id, type, correlation_id, head, data, bytes, attempts, 0 AS age, error
      FROM ${this.#link.names.entries} WHERE state = ${entryState[state]} AND id > $1::text::bigint ORDER BY id LIMIT $2::text::integer`
    const rows = await this.#link.read('list dead events', (query) => query(plain(text), [after, String(limit)]))
    return rows.map((row) => {
      const { id, destination, attempts, message } = takenEntry(row)
      const [eventId, eventType, error] = [row[5], row[6], row[13]].map((value) => String(value ?? '')) as [string, string, string]
      return { id, eventId, eventType, destination, attempts, error, message: message instanceof Error ? undefined : message }
    })
  }

  /** They are tried again, as if they had not failed. Answers how many there were. */
  async redrive(ids?: readonly string[], { destination }: RedriveEntries = {}): Promise<number> {
    const text = `WITH again AS (
        UPDATE ${this.#link.names.entries} SET state = ${entryState.ready}, attempts = 0, error = NULL, due_at = NULL,
          destination = coalesce($1::text, destination)
        WHERE ${chosen(ids, '$2')} RETURNING 1)
      SELECT count(*)::int AS count FROM again`
    const count = await this.#count('redrive dead events', text, [destination ?? null], ids)
    this.#changed()
    return count
  }

  /** Gone for good. Answers how many there were. */
  discard(ids?: readonly string[]): Promise<number> {
    const text = `WITH gone AS (
        DELETE FROM ${this.#link.names.entries} WHERE ${chosen(ids, '$1')} RETURNING 1)
      SELECT count(*)::int AS count FROM gone`
    return this.#count('discard dead events', text, [], ids)
  }

  async #count(what: string, text: string, values: readonly (string | null)[], ids: readonly string[] | undefined): Promise<number> {
    const named = ids === undefined ? [] : [`{${ids.map((id) => BigInt(id)).join(',')}}`]
    const [row] = await this.#link.write(what, (query) => query(plain(text), [...values, ...named]))
    return Number(row?.[0])
  }
}

function chosen(ids: readonly string[] | undefined, parameter: string): string {
  if (ids === undefined) return `state = ${entryState.dead}`
  return `state IN (${entryState.dead}, ${entryState.failed}) AND id = ANY (${parameter}::text::bigint[])`
}
