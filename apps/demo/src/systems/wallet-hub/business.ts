import type { Bookkeeping } from './bookkeeping.js'
import type { Transfer } from './use-cases.js'
import type { WalletHub } from './wallet-hub.js'

/** What a wallet may send at once. */
export const limit = 1_000
const deposit = 100_000
const walletCount = 20
/** At a time, as from so many people. */
const concurrent = 8

export class LimitExceededError extends Error {}

/** Asked last, when all is written and nothing is committed. */
export function checkLimit({ id, amount }: Transfer): void {
  if (amount > limit) throw new LimitExceededError(`Transfer "${id}" is of more than ${limit}.`)
}

/** People with wallets: they put money in, send it to each other, send it twice by mistake, and ask for too much. */
export class Business {
  readonly #hub: WalletHub
  readonly #books: Bookkeeping
  #number = 0

  constructor(hub: WalletHub, books: Bookkeeping) {
    this.#hub = hub
    this.#books = books
  }

  async open(): Promise<void> {
    for (let number = 0; number < walletCount; number++) {
      await this.createWallet(`wallet-${number}`)
      await this.addFunds(`wallet-${number}`, deposit)
    }
  }

  async createWallet(id: string): Promise<void> {
    await this.#hub.createWallet.execute(id, `Wallet ${id}`, `user of ${id}`)
    this.#books.created(id)
  }

  async addFunds(id: string, amount: number, occurredAt?: Date): Promise<void> {
    await this.#hub.addFunds.execute(id, amount, occurredAt)
    this.#books.deposited(id, amount)
  }

  /** One in ten is of too much, and one in eight is asked for twice. */
  async transfer(count: number): Promise<void> {
    const one = async (): Promise<void> => {
      const number = this.#number++
      if (number >= last) return
      const [from, to] = [number % walletCount, (number * 7 + 3) % walletCount].map((each) => `wallet-${each}`) as [string, string]
      const transfer = { id: `transfer-${number}`, from, to, amount: number % 10 === 9 ? limit + number : 1 + (number % 97) }
      await this.send(transfer)
      if (number % 8 === 0 && !(await this.#hub.transferFunds.execute(transfer))) this.#books.repeated++
      return one()
    }
    const last = this.#number + count
    await Promise.all(Array.from({ length: concurrent }, one))
    this.#number = last
  }

  async send(transfer: Transfer): Promise<void> {
    try {
      if (await this.#hub.transferFunds.execute(transfer)) this.#books.transferred(transfer)
    } catch (thrown) {
      if (!(thrown instanceof LimitExceededError)) throw thrown
      this.#books.refused.push(transfer.id)
    }
  }
}
