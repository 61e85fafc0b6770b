import { sql } from 'drizzle-orm'
import { bigint, pgTable, text } from 'drizzle-orm/pg-core'
import type { Trace } from 'interline'
import type { Database, Transaction } from './database.js'
import { type FundsAddedEvent, FundsTransferredEvent, type WalletCreatedEvent } from './events.js'

const notifications = pgTable('notifications', { eventId: text('event_id').notNull(), text: text().notNull() })

const statements = pgTable('statements', {
  eventId: text('event_id').notNull(),
  wallet: text().notNull(),
  amount: bigint({ mode: 'number' }).notNull(),
  traceId: text('trace_id'),
})

/** Nothing in them keeps a row from being there twice: that is the inbox's part. */
export const effectTables: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS notifications (event_id text NOT NULL, text text NOT NULL)',
  'CREATE TABLE IF NOT EXISTS statements (event_id text NOT NULL, wallet text NOT NULL, amount bigint NOT NULL, trace_id text)',
  'CREATE TABLE IF NOT EXISTS settlements (event_id text PRIMARY KEY)',
]

export async function sendWelcomeNotification(transaction: Transaction, { eventId, name, userId }: WalletCreatedEvent): Promise<void> {
  await transaction.insert(notifications).values({ eventId, text: `Welcome, ${userId}: your wallet "${name}" is ready.` })
}

/** One line for each wallet whose balance it changes. */
export async function writeStatement(
  transaction: Transaction,
  event: FundsAddedEvent | FundsTransferredEvent,
  trace: Trace | undefined,
): Promise<void> {
  const { eventId, walletId, amount } = event
  const traceId = trace?.traceparent.split('-')[1]
  const isTransfer = event instanceof FundsTransferredEvent
  const own = { eventId, wallet: walletId, amount: isTransfer ? -amount : amount, traceId }
  await transaction.insert(statements).values(isTransfer ? [own, { ...own, wallet: event.toWalletId, amount }] : [own])
}

/** How often there is an effect, and of how many different events. */
export interface Effects {
  readonly effects: number
  readonly events: number
}

export interface EffectReport {
  readonly notifications: Effects
  readonly statements: Effects
  readonly settlements: number
  /** What the statements of each wallet add up to. */
  readonly balances: Readonly<Record<string, number>>
  /** Of the events in the statements. */
  readonly traceIds: readonly string[]
}

export async function reportEffects(database: Database): Promise<EffectReport> {
  const [found] = await database.rows<EffectReport>(sql`SELECT
    (SELECT json_build_object('effects', count(*), 'events', count(DISTINCT event_id)) FROM notifications) AS notifications,
    (SELECT json_build_object('effects', count(*), 'events', count(DISTINCT event_id)) FROM statements) AS statements,
    (SELECT count(*)::int FROM settlements) AS settlements,
    (SELECT coalesce(json_object_agg(wallet, sum), '{}') FROM (SELECT wallet, sum(amount) FROM statements GROUP BY wallet) s) AS balances,
    (SELECT coalesce(json_agg(DISTINCT trace_id), '[]') FROM statements) AS "traceIds"`)
  return found as EffectReport
}
