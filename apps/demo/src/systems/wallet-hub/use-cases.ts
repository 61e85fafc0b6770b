import type { OutboxEventPublisher } from '@interline/postgres'
import { pgTable, text } from 'drizzle-orm/pg-core'
import type { Transaction } from './database.js'
import { Wallet, WalletError } from './wallet.js'
import type { WalletRepository } from './wallet-repository.js'

const transfers = pgTable('transfers', { id: text().primaryKey() })

export const transferTable = 'CREATE TABLE IF NOT EXISTS transfers (id text PRIMARY KEY)'

export class CreateWalletUseCase {
  readonly #publisher: OutboxEventPublisher<Transaction>
  readonly #wallets: WalletRepository

  constructor(publisher: OutboxEventPublisher<Transaction>, wallets: WalletRepository) {
    this.#publisher = publisher
    this.#wallets = wallets
  }

  async execute(id: string, name: string, userId: string): Promise<void> {
    await this.#publisher.transaction((transaction) => this.#wallets.save(transaction, Wallet.create(id, name, userId)))
  }
}

export class AddFundsUseCase {
  readonly #publisher: OutboxEventPublisher<Transaction>
  readonly #wallets: WalletRepository

  constructor(publisher: OutboxEventPublisher<Transaction>, wallets: WalletRepository) {
    this.#publisher = publisher
    this.#wallets = wallets
  }

  async execute(walletId: string, amount: number, occurredAt?: Date): Promise<void> {
    await this.#publisher.transaction(async (transaction) => {
      const wallet = await known(this.#wallets, transaction, walletId)
      wallet.addFunds(amount, occurredAt)
      await this.#wallets.save(transaction, wallet)
    })
  }
}

export interface Transfer {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly amount: number
}

export class TransferFundsUseCase {
  readonly #publisher: OutboxEventPublisher<Transaction>
  readonly #wallets: WalletRepository
  readonly #checkFraud: (transfer: Transfer) => void

  constructor(publisher: OutboxEventPublisher<Transaction>, wallets: WalletRepository, checkFraud: (transfer: Transfer) => void) {
    this.#publisher = publisher
    this.#wallets = wallets
    this.#checkFraud = checkFraud
  }

  /** False: it was made before. What throws leaves no trace, neither of the money nor of the event. */
  async execute(transfer: Transfer): Promise<boolean> {
    const { id, from, to, amount } = transfer
    return this.#publisher.transaction(async (transaction) => {
      const made = await transaction.insert(transfers).values({ id }).onConflictDoNothing().returning()
      if (made.length === 0) return false
      const wallet = await known(this.#wallets, transaction, from)
      wallet.transfer(to, amount, id)
      await this.#wallets.save(transaction, wallet)
      this.#checkFraud(transfer)
      return true
    })
  }
}

async function known(wallets: WalletRepository, transaction: Transaction, id: string): Promise<Wallet> {
  const wallet = await wallets.find(transaction, id)
  if (wallet === undefined) throw new WalletError(`There is no wallet "${id}".`)
  return wallet
}
