import { randomUUID } from 'node:crypto'
import type { Idempotent } from 'interline'
import type { RewardsDatabase } from '../database.js'
import { collect, WalletEventPublisher } from '../events/wallet-event-publisher.js'
import type { WalletKind } from '../events/wallet-events.js'
import { accountOf, linesOf, type Movement, type Wallet, type WalletResult } from './movement.js'
import { changeUser, creditModel, enter, keepEscrow, look, openWallets, type Situation, type Subject, walletOf } from './rows.js'

/** Wallets and escrows, and the entry of every change to them: changed together with the events that tell of it, or not at all. */
export class LedgerService {
  readonly #database: RewardsDatabase

  constructor(database: RewardsDatabase) {
    this.#database = database
  }

  get idempotent(): Idempotent {
    return this.#database.idempotent
  }

  wallet(kind: WalletKind, id: string): Promise<Wallet | undefined> {
    return walletOf(this.#database.query, kind, id)
  }

  /** Opens wallets of users with points that the house gives. */
  async open(ids: readonly string[], points: number, currency: string): Promise<void> {
    const opened = ids.map((id) => ({ account: accountOf('user', id, 'available'), amount: points }))
    const lines = [...opened, { account: 'house', amount: -points * ids.length }]
    const transactionId = randomUUID()
    await this.#database.transaction(async ({ query }) => {
      await enter(query, { transactionId, operation: 'open', idempotencyKey: transactionId, currency, lines }, {})
      await openWallets(query, ids, points)
    })
  }

  /**
   * Decides on what there is, and does it. Answers what it answered before where this operation is in the ledger already. Throws
   * OptimisticLockError where the wallet was changed after it was looked at, and what `decide` throws.
   */
  record(
    { currency, ...subject }: Subject & { readonly currency: string },
    decide: (situation: Situation) => Movement,
  ): Promise<WalletResult> {
    return this.#database.transaction(async ({ query, publish }) => {
      const situation = await look(query, subject)
      if (situation.recorded !== null) return situation.recorded
      const movement = decide(situation)
      const { escrow, toModel } = movement
      const user = await changeUser(query, movement)
      const model = toModel === undefined ? [] : await creditModel(query, toModel.id, toModel.amount)
      const entry = { ...subject, currency, transactionId: randomUUID(), lines: linesOf(movement) }
      const { transactionId } = entry
      const result = {
        transactionId,
        escrowId: escrow.id,
        userAvailableBalance: user.availableBalance,
        userEscrowBalance: user.escrowBalance,
      }
      await keepEscrow(query, escrow)
      await enter(query, entry, result)
      const events = await collect(async () => {
        await movement.announce(result)
        for (const wallet of [user, ...model]) await announceBalance(wallet, transactionId)
        const { operation, lines } = entry
        const told = { transactionId, operation, currency, lines, userId: user.id, idempotencyKey: transactionId }
        await WalletEventPublisher.publishLedgerEntryCreated(told)
      })
      await publish(events)
      return result
    })
  }
}

/** The wallet's version is part of the key: one client's key may come with several operations. */
function announceBalance(wallet: Wallet, transactionId: string): Promise<void> {
  const { kind, id, availableBalance, escrowBalance, version } = wallet
  return WalletEventPublisher.publishBalanceUpdated({
    walletId: id,
    kind,
    availableBalance,
    escrowBalance,
    transactionId,
    walletVersion: version,
    idempotencyKey: `${kind}:${id}:${version}`,
  })
}
