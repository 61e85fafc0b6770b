import { toError, type WireMessage } from '@interline/core'
import type { Row } from '../../database/database.js'
import { messageOf } from '../../event-store/stored-row.js'
import type { EntryState } from '../entry-state.js'

/** An entry that this relay has in hand. */
export interface TakenEntry {
  readonly state: EntryState
  readonly partition: number
  readonly id: string
  readonly destination: string
  readonly key: string | undefined
  /** How often it failed. */
  readonly attempts: number
  /** How long it had waited when it was taken, by the server's clock. */
  readonly ageMs: number
  /** An error where it was not written by Interline, and can't be read. */
  readonly message: WireMessage | Error
}

/** From the columns that the functions of the outbox return. */
export function takenEntry(row: Row): TakenEntry {
  const [state, partition, id, destination, key, eventId, type, correlationId, head, data, bytes, attempts, ageMs] = row as [
    EntryState,
    number,
    string | number | bigint,
    string,
    string | null,
    string,
    string,
    string | null,
    string,
    string | null,
    Uint8Array | null,
    number,
    number,
  ]
  const about = { state: Number(state) as EntryState, partition: Number(partition), id: String(id), destination, key: key ?? undefined }
  const counts = { attempts: Number(attempts), ageMs: Number(ageMs) }
  try {
    const message = messageOf({ id: eventId, type, correlationId, head, data, bytes }, () => `Entry ${String(id)} of the outbox`)
    // The columns decide where it goes, so that a person can change that with SQL.
    const placed = message.destination === destination ? message : { ...message, destination }
    return { ...about, ...counts, message: placed }
  } catch (thrown) {
    return { ...about, ...counts, message: toError(thrown) }
  }
}
