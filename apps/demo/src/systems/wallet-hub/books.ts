import { sql } from 'drizzle-orm'
import type { Database } from './database.js'

/** What the tables of the hub hold. */
export interface Books {
  readonly balances: Readonly<Record<string, number>>
  readonly transfers: number
  readonly unsent: number
  readonly sent: number
  /** The transfers that events in the outbox belong to. */
  readonly correlations: readonly string[]
}

export async function readBooks(database: Database): Promise<Books> {
  const [found] = await database.rows<Books>(sql`SELECT
    (SELECT coalesce(json_object_agg(id, balance), '{}') FROM wallets) AS balances,
    (SELECT count(*)::int FROM transfers) AS transfers,
    (SELECT count(*)::int FROM outbox WHERE NOT sent) AS unsent,
    (SELECT count(*)::int FROM outbox WHERE sent) AS sent,
    (SELECT coalesce(json_agg(DISTINCT correlation_id), '[]') FROM outbox WHERE event_type = 'FundsTransferredEvent') AS correlations`)
  return found as Books
}
