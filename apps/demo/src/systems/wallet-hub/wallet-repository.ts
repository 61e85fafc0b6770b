import type { DomainEventPublisher } from '@interline/postgres'
import { eq } from 'drizzle-orm'
import { bigint, pgTable, text } from 'drizzle-orm/pg-core'
import type { Transaction } from './database.js'
import { Wallet } from './wallet.js'

const wallets = pgTable('wallets', {
  id: text().primaryKey(),
  name: text().notNull(),
  userId: text('user_id').notNull(),
  balance: bigint({ mode: 'number' }).notNull(),
})

export const walletTable =
  'CREATE TABLE IF NOT EXISTS wallets (id text PRIMARY KEY, name text NOT NULL, user_id text NOT NULL, balance bigint NOT NULL)'

/** Wallets in their table. Saving one publishes what it registered, in the same transaction. */
export class WalletRepository {
  readonly #publisher: DomainEventPublisher

  constructor(publisher: DomainEventPublisher) {
    this.#publisher = publisher
  }

  /** Nobody else changes it until the transaction ends: so events of one wallet are added in the order of their commits. */
  async find(transaction: Transaction, id: string): Promise<Wallet | undefined> {
    const [row] = await transaction.select().from(wallets).where(eq(wallets.id, id)).for('update')
    return row === undefined ? undefined : new Wallet(row.id, row.name, row.userId, row.balance)
  }

  async save(transaction: Transaction, wallet: Wallet): Promise<void> {
    const { id, name, userId, balance } = wallet
    await transaction.insert(wallets).values({ id, name, userId, balance }).onConflictDoUpdate({ target: wallets.id, set: { balance } })
    await this.#publisher.publishAll(wallet.pullEvents())
  }
}
