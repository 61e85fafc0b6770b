import { randomUUID } from 'node:crypto'
import { WalletEventPublisher } from '../events/wallet-event-publisher.js'
import { TransactionReason } from '../events/wallet-events.js'
import { checkPoints, heldIn } from './demands.js'
import { InsufficientFundsError, OptimisticLockError, RefusedError } from './errors.js'
import type { LedgerService } from './ledger-service.js'
import type { Escrow, Movement, WalletResult } from './movement.js'
import type { HoldRequest, PartialSettleRequest, RefundRequest, SettleRequest } from './requests.js'
import { type ConflictRetry, conflictRetry, retryOnConflict } from './retry-on-conflict.js'
import type { Situation } from './rows.js'

export interface WalletServiceOptions extends Partial<ConflictRetry> {
  readonly defaultCurrency?: string
}

/** Each operation is done once for its idempotency key, and answers its first result whenever it is asked for again. */
export class WalletService {
  readonly #ledger: LedgerService
  readonly #retry: ConflictRetry
  readonly #currency: string
  #lockConflicts = 0

  constructor(ledger: LedgerService, { defaultCurrency = 'points', ...retry }: WalletServiceOptions = {}) {
    this.#ledger = ledger
    this.#retry = conflictRetry(retry)
    this.#currency = defaultCurrency
  }

  /** How often an operation lost against another one of the same wallet. */
  get lockConflicts(): number {
    return this.#lockConflicts
  }

  openWallets(userIds: readonly string[], points: number): Promise<void> {
    return this.#ledger.open(userIds, points, this.#currency)
  }

  holdInEscrow(request: HoldRequest): Promise<WalletResult> {
    const { userId, amount, reason = TransactionReason.PERFORMANCE_REQUEST, queueItemId, featureType } = request
    return this.#once('hold-escrow', request, { userId }, ({ wallet: user }) => {
      if (user === null) throw new RefusedError(`There is no wallet "${userId}". Open it first.`)
      checkPoints('amount', amount)
      if (user.availableBalance < amount) throw new InsufficientFundsError(userId, amount, user.availableBalance)
      const escrow: Escrow = { id: randomUUID(), userId, amount, state: 'held' }
      return {
        user,
        escrow,
        toAvailable: -amount,
        toEscrow: amount,
        announce: (done) => WalletEventPublisher.publishEscrowHeld({ ...told(request, escrow, done), reason, queueItemId, featureType }),
      }
    })
  }

  settleEscrow(request: SettleRequest): Promise<WalletResult> {
    const { escrowId, modelId, reason = TransactionReason.PERFORMANCE_COMPLETED } = request
    return this.#once('settle-escrow', request, { escrowId }, (situation) => {
      const { user, escrow } = heldIn(situation, escrowId)
      return {
        user,
        escrow: { ...escrow, state: 'settled' },
        toAvailable: 0,
        toEscrow: -escrow.amount,
        toModel: { id: modelId, amount: escrow.amount },
        announce: (done) => WalletEventPublisher.publishEscrowSettled({ ...told(request, escrow, done), reason, modelId }),
      }
    })
  }

  refundEscrow(request: RefundRequest): Promise<WalletResult> {
    const { escrowId, reason = TransactionReason.PERFORMANCE_CANCELLED } = request
    return this.#once('refund-escrow', request, { escrowId }, (situation) => {
      const { user, escrow } = heldIn(situation, escrowId)
      return {
        user,
        escrow: { ...escrow, state: 'refunded' },
        toAvailable: escrow.amount,
        toEscrow: -escrow.amount,
        announce: (done) => WalletEventPublisher.publishEscrowRefunded({ ...told(request, escrow, done), reason }),
      }
    })
  }

  partiallySettleEscrow(request: PartialSettleRequest): Promise<WalletResult> {
    const { escrowId, modelId, settleAmount: settledAmount, reason = TransactionReason.PERFORMANCE_CUT_SHORT } = request
    return this.#once('partially-settle-escrow', request, { escrowId }, (situation) => {
      const { user, escrow } = heldIn(situation, escrowId)
      checkPoints('settleAmount', settledAmount)
      const refundedAmount = escrow.amount - settledAmount
      if (refundedAmount < 1) throw new RefusedError(`Escrow "${escrowId}" holds ${escrow.amount}; settle a smaller part, or all of it.`)
      return {
        user,
        escrow: { ...escrow, state: 'partially-settled' },
        toAvailable: refundedAmount,
        toEscrow: -escrow.amount,
        toModel: { id: modelId, amount: settledAmount },
        announce: (done) =>
          WalletEventPublisher.publishEscrowPartialSettled({
            ...told(request, escrow, done),
            reason,
            modelId,
            settledAmount,
            refundedAmount,
          }),
      }
    })
  }

  #once(
    operation: string,
    { correlationId: _mayDiffer, ...request }: RequestFields,
    subject: { readonly userId: string } | { readonly escrowId: string },
    decide: (situation: Situation) => Movement,
  ): Promise<WalletResult> {
    const { idempotencyKey } = request
    const subjectOfAll = { operation, idempotencyKey, currency: this.#currency, ...subject }
    const run = (): Promise<WalletResult> => this.#ledger.record(subjectOfAll, decide)
    return this.#ledger.idempotent({ operation, key: idempotencyKey, request }, () =>
      retryOnConflict(() => this.#counted(run), this.#retry),
    )
  }

  async #counted<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (thrown) {
      if (thrown instanceof OptimisticLockError) this.#lockConflicts++
      throw thrown
    }
  }
}

type RequestFields = Pick<HoldRequest, 'idempotencyKey' | 'correlationId'>

/** What the events of an escrow have in common. */
function told({ idempotencyKey, correlationId }: RequestFields, { userId, amount }: Escrow, done: WalletResult) {
  return { ...done, userId, amount, idempotencyKey, correlationId }
}
