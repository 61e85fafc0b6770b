import type { Transfer } from './use-cases.js'

/** What should be in the books, from what was asked for and answered. */
export class Bookkeeping {
  readonly balances = new Map<string, number>()
  readonly rates = new Map<string, number>()
  readonly refused: string[] = []
  wallets = 0
  deposits = 0
  transfers = 0
  repeated = 0
  sentAgain = 0
  ratesChanged = 0

  /** Events that were committed, each once. */
  get events(): number {
    return this.wallets + this.deposits + this.transfers + this.ratesChanged
  }

  created(wallet: string): void {
    this.wallets++
    this.balances.set(wallet, 0)
  }

  deposited(wallet: string, amount: number): void {
    this.deposits++
    this.#add(wallet, amount)
  }

  transferred({ from, to, amount }: Transfer): void {
    this.transfers++
    this.#add(from, -amount)
    this.#add(to, amount)
  }

  ratesSet(rates: readonly (readonly [currency: string, rate: number])[]): void {
    this.ratesChanged += rates.length
    for (const [currency, rate] of rates) this.rates.set(currency, rate)
  }

  #add(wallet: string, amount: number): void {
    this.balances.set(wallet, (this.balances.get(wallet) ?? 0) + amount)
  }
}
