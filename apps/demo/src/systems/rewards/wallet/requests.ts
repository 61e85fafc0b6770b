import type { TransactionReason } from '../events/wallet-events.js'

interface WalletRequest {
  /** Names the request. The same one again is answered with the first result; another request with this key is refused. */
  readonly idempotencyKey: string
  readonly correlationId?: string | undefined
  readonly reason?: TransactionReason | undefined
}

export interface HoldRequest extends WalletRequest {
  readonly userId: string
  readonly amount: number
  readonly queueItemId?: string | undefined
  readonly featureType?: string | undefined
}

export interface RefundRequest extends WalletRequest {
  readonly escrowId: string
}

export interface SettleRequest extends RefundRequest {
  readonly modelId: string
}

export interface PartialSettleRequest extends SettleRequest {
  /** What the model gets; the user gets the rest back. */
  readonly settleAmount: number
}
