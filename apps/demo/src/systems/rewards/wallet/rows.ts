import type { Query } from '../database.js'
import type { LedgerLine, WalletKind } from '../events/wallet-events.js'
import { OptimisticLockError } from './errors.js'
import type { Escrow, Movement, Wallet, WalletResult } from './movement.js'

export interface Subject {
  readonly operation: string
  readonly idempotencyKey: string
  readonly userId?: string | undefined
  readonly escrowId?: string | undefined
}

export interface Entry extends Pick<Subject, 'operation' | 'idempotencyKey'> {
  readonly transactionId: string
  readonly currency: string
  readonly lines: readonly LedgerLine[]
}

/** What an operation is decided on. */
export interface Situation {
  /** Set where this operation is in the ledger already. */
  readonly recorded: WalletResult | null
  readonly wallet: Wallet | null
  readonly escrow: Escrow | null
}

const walletFields = `kind, id, available_balance AS "availableBalance", escrow_balance AS "escrowBalance", version`

export async function walletOf(query: Query, kind: WalletKind, id: string): Promise<Wallet | undefined> {
  const [wallet] = await query<Wallet>(`SELECT ${walletFields} FROM wallets WHERE kind = $1 AND id = $2`, [kind, id])
  return wallet
}

export async function openWallets(query: Query, ids: readonly string[], points: number): Promise<void> {
  await query(
    `INSERT INTO wallets (kind, id, available_balance, escrow_balance, version)
     SELECT 'user', id, $2::int, 0, 1 FROM jsonb_array_elements_text($1::text::jsonb) AS id`,
    [JSON.stringify(ids), points],
  )
}

/** All of one moment. */
export async function look(query: Query, { operation, idempotencyKey, userId, escrowId }: Subject): Promise<Situation> {
  const [found] = await query<Situation>(
    `SELECT
       (SELECT result FROM ledger_entries WHERE operation = $1 AND idempotency_key = $2) AS recorded,
       (SELECT to_jsonb(w) FROM (SELECT ${walletFields} FROM wallets WHERE kind = 'user'
          AND id = coalesce($3, (SELECT user_id FROM escrows WHERE id = $4))) w) AS wallet,
       (SELECT to_jsonb(e) FROM (SELECT id, user_id AS "userId", amount, state FROM escrows WHERE id = $4) e) AS escrow`,
    [operation, idempotencyKey, userId ?? null, escrowId ?? null],
  )
  return found ?? { recorded: null, wallet: null, escrow: null }
}

export async function changeUser(query: Query, { user, toAvailable, toEscrow }: Movement): Promise<Wallet> {
  const [changed] = await query<Wallet>(
    `UPDATE wallets SET available_balance = available_balance + $3, escrow_balance = escrow_balance + $4, version = version + 1
     WHERE kind = 'user' AND id = $1 AND version = $2 RETURNING ${walletFields}`,
    [user.id, user.version, toAvailable, toEscrow],
  )
  if (changed === undefined) throw new OptimisticLockError('wallet', user.id)
  return changed
}

/** Nothing is decided on what a model has, so nothing of it has to be unchanged. */
export function creditModel(query: Query, id: string, amount: number): Promise<readonly Wallet[]> {
  return query<Wallet>(
    `INSERT INTO wallets AS w (kind, id, available_balance, escrow_balance, version) VALUES ('model', $1, $2, 0, 1)
     ON CONFLICT (kind, id) DO UPDATE SET available_balance = w.available_balance + excluded.available_balance, version = w.version + 1
     RETURNING ${walletFields}`,
    [id, amount],
  )
}

/** What became of an escrow needs no lock of its own: whoever changes one changes its user's wallet first. */
export async function keepEscrow(query: Query, { id, userId, amount, state }: Escrow): Promise<void> {
  await query(
    `INSERT INTO escrows (id, user_id, amount, state) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET state = excluded.state`,
    [id, userId, amount, state],
  )
}

export async function enter(query: Query, entry: Entry, result: object): Promise<void> {
  const { transactionId, operation, idempotencyKey, currency, lines } = entry
  await query(
    `INSERT INTO ledger_entries (transaction_id, operation, idempotency_key, currency, lines, result)
     VALUES ($1, $2, $3, $4, $5::text::jsonb, $6::text::jsonb)`,
    [transactionId, operation, idempotencyKey, currency, JSON.stringify(lines), JSON.stringify(result)],
  )
}
