import type { Query } from './database.js'
import type { BalanceSnapshotCache } from './events/balance-snapshot-cache.js'
import type { WalletKind } from './events/wallet-events.js'

/** What the database says of itself. */
export interface Audit {
  /** The sum of all balances. */
  readonly total: number
  /** Accounts whose ledger lines do not add up to their balance. */
  readonly differing: readonly string[]
  /** Users whose escrows do not add up to their escrow balance. */
  readonly unheld: readonly string[]
  /** Each operation that is in the ledger. */
  readonly operations: readonly RecordedOperation[]
}

export interface RecordedOperation {
  readonly transactionId: string
  readonly operation: string
}

export async function audit(query: Query): Promise<Audit> {
  const differing = await query<{ account: string }>(
    `WITH lines AS (
       SELECT l.account, sum(l.amount)::int AS amount FROM ledger_entries, jsonb_to_recordset(lines) AS l(account text, amount int)
       WHERE l.account <> 'house' GROUP BY 1),
     balances AS (
       SELECT kind || ':' || id || ':available' AS account, available_balance AS amount FROM wallets
       UNION ALL SELECT kind || ':' || id || ':escrow', escrow_balance FROM wallets)
     SELECT account FROM lines FULL JOIN balances USING (account) WHERE coalesce(lines.amount, 0) <> coalesce(balances.amount, 0)`,
  )
  const unheld = await query<{ id: string }>(
    `SELECT w.id FROM wallets w LEFT JOIN escrows e ON e.user_id = w.id AND e.state = 'held' WHERE w.kind = 'user'
     GROUP BY w.id, w.escrow_balance HAVING coalesce(sum(e.amount), 0) <> w.escrow_balance`,
  )
  const operations = await query<RecordedOperation>(
    `SELECT transaction_id AS "transactionId", operation FROM ledger_entries WHERE operation <> 'open'`,
  )
  return {
    total: await totalOf(query),
    differing: differing.map(({ account }) => account),
    unheld: unheld.map(({ id }) => id),
    operations,
  }
}

export async function totalOf(query: Query): Promise<number> {
  const [sum] = await query<{ total: number | null }>(`SELECT sum(available_balance + escrow_balance)::int AS total FROM wallets`)
  return sum?.total ?? 0
}

/** Wallets that were changed and of which the cache says another thing than the database. */
export async function staleIn(cache: BalanceSnapshotCache, query: Query): Promise<number> {
  const wallets = await query<{ kind: WalletKind; id: string; available: number; escrow: number }>(
    `SELECT kind, id, available_balance AS available, escrow_balance AS escrow FROM wallets WHERE kind = 'model' OR version > 1`,
  )
  return wallets.filter(({ kind, id, available, escrow }) => {
    const known = cache.getBalance(id, kind)
    return known?.availableBalance !== available || known.escrowBalance !== escrow
  }).length
}
