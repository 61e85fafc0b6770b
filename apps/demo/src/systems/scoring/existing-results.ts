import type { IEventStore, IStoredEvents } from 'interline'
import { AIResultCompleted, AIResultCreated } from './events.js'
import type { Database } from './places/database.js'

/** A result as it was kept before there were events. */
export interface ExistingResult {
  readonly id: string
  readonly symbol: string
  readonly month: string
  readonly requested_by: string
  readonly risk: number
  readonly created_at: Date
}

/** The table that results were in before there were events. */
export class ExistingResults {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async fill(results: readonly ExistingResult[]): Promise<void> {
    await this.#database.query(
      'CREATE TABLE ai_results (id text PRIMARY KEY, symbol text, month text, requested_by text, risk float8, created_at timestamptz)',
    )
    for (const { id, symbol, month, requested_by, risk, created_at } of results) {
      const values = [id, symbol, month, requested_by, risk, created_at]
      await this.#database.query('INSERT INTO ai_results VALUES ($1, $2, $3, $4, $5, $6)', values)
    }
  }

  all(): Promise<readonly ExistingResult[]> {
    return this.#database.query('SELECT * FROM ai_results ORDER BY created_at')
  }
}

/**
 * Makes the events that a result would have been. They are history: nobody is told of them. The ids are made of the row's, so that a row
 * that was imported before is the same append again, which a store answers with its first result.
 */
export async function importResults(rows: readonly ExistingResult[], store: IEventStore & IStoredEvents): Promise<void> {
  for (const { id, symbol, month, requested_by: requestedBy, risk, created_at: timestamp } of rows) {
    const about = { timestamp, aggregateType: 'ai-result', aggregateId: id, source: 'ai_results' }
    const created = AIResultCreated({ symbol, month, requestedBy }, { ...about, eventId: `${id}-created` })
    const completed = AIResultCompleted({ symbol, month, requestedBy, risk }, { ...about, eventId: `${id}-completed` })
    await store.saveEvents(`ai-result:${id}`, [created, completed], 'no-stream', { forward: false })
  }
}
