import { AggregateRoot } from '@interline/domain'
import type { DomainEvent } from 'interline'
import { FundsAddedEvent, FundsTransferredEvent, WalletCreatedEvent } from './events.js'

/** What a wallet does not do. */
export class WalletError extends Error {}

/** A wallet, which says by events what happened to it. Amounts are whole cents. */
export class Wallet extends AggregateRoot<DomainEvent> {
  readonly name: string
  readonly userId: string
  #balance: number

  constructor(id: string, name: string, userId: string, balance: number) {
    super(id)
    this.name = name
    this.userId = userId
    this.#balance = balance
  }

  static create(id: string, name: string, userId: string): Wallet {
    const wallet = new Wallet(id, name, userId, 0)
    wallet.registerEvent(new WalletCreatedEvent(id, name, userId))
    return wallet
  }

  get balance(): number {
    return this.#balance
  }

  addFunds(amount: number, occurredAt: Date = new Date()): void {
    this.#balance += positive(amount)
    this.registerEvent(new FundsAddedEvent(this.id, amount, { timestamp: occurredAt }))
  }

  /** Takes the amount out; the other wallet has it when the event is handled. */
  transfer(toWalletId: string, amount: number, transferId: string): void {
    if (positive(amount) > this.#balance) throw new WalletError(`Wallet "${this.id}" holds less than ${amount}.`)
    this.#balance -= amount
    this.registerEvent(new FundsTransferredEvent(this.id, toWalletId, amount, { correlationId: transferId }))
  }

  /** The other end of a transfer: nothing new happened. */
  receive(amount: number): void {
    this.#balance += positive(amount)
  }
}

function positive(amount: number): number {
  if (Number.isSafeInteger(amount) && amount > 0) return amount
  throw new WalletError(`An amount is a whole number of cents above 0, and not ${amount}.`)
}
