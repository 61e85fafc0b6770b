import { BaseRewardEvent, type FieldsOf } from './base-reward-event.js'

export const WalletEventType = {
  ESCROW_HELD: 'ESCROW_HELD',
  ESCROW_SETTLED: 'ESCROW_SETTLED',
  ESCROW_REFUNDED: 'ESCROW_REFUNDED',
  ESCROW_PARTIAL_SETTLED: 'ESCROW_PARTIAL_SETTLED',
  BALANCE_UPDATED: 'BALANCE_UPDATED',
  LEDGER_ENTRY_CREATED: 'LEDGER_ENTRY_CREATED',
} as const
export type WalletEventType = (typeof WalletEventType)[keyof typeof WalletEventType]

export const TransactionReason = {
  PERFORMANCE_REQUEST: 'performance_request',
  PERFORMANCE_COMPLETED: 'performance_completed',
  PERFORMANCE_CUT_SHORT: 'performance_cut_short',
  PERFORMANCE_CANCELLED: 'performance_cancelled',
} as const
export type TransactionReason = (typeof TransactionReason)[keyof typeof TransactionReason]

export type WalletKind = 'user' | 'model'

abstract class EscrowEvent extends BaseRewardEvent {
  declare readonly userId: string
  declare readonly escrowId: string
  declare readonly amount: number
  declare readonly reason: TransactionReason
  declare readonly transactionId: string
  declare readonly userAvailableBalance: number
  declare readonly userEscrowBalance: number
}

export class EscrowHeldEvent extends EscrowEvent {
  static readonly eventType = WalletEventType.ESCROW_HELD
  declare readonly queueItemId?: string | undefined
  declare readonly featureType?: string | undefined

  constructor(fields: FieldsOf<EscrowHeldEvent>) {
    super(fields.userId, fields)
  }
}

/** The amount went to the model. */
export class EscrowSettledEvent extends EscrowEvent {
  static readonly eventType = WalletEventType.ESCROW_SETTLED
  declare readonly modelId: string

  constructor(fields: FieldsOf<EscrowSettledEvent>) {
    super(fields.userId, fields)
  }
}

export class EscrowRefundedEvent extends EscrowEvent {
  static readonly eventType = WalletEventType.ESCROW_REFUNDED

  constructor(fields: FieldsOf<EscrowRefundedEvent>) {
    super(fields.userId, fields)
  }
}

/** One part of the amount went to the model, the other one back. */
export class EscrowPartialSettledEvent extends EscrowEvent {
  static readonly eventType = WalletEventType.ESCROW_PARTIAL_SETTLED
  declare readonly modelId: string
  declare readonly settledAmount: number
  declare readonly refundedAmount: number

  constructor(fields: FieldsOf<EscrowPartialSettledEvent>) {
    super(fields.userId, fields)
  }
}

export class BalanceUpdatedEvent extends BaseRewardEvent {
  static readonly eventType = WalletEventType.BALANCE_UPDATED
  declare readonly walletId: string
  declare readonly kind: WalletKind
  declare readonly availableBalance: number
  declare readonly escrowBalance: number
  /** Counts the changes of the wallet: of two snapshots the one with the higher number is the newer. */
  declare readonly walletVersion: number
  declare readonly transactionId: string

  constructor(fields: FieldsOf<BalanceUpdatedEvent>) {
    super(fields.walletId, fields)
  }
}

export interface LedgerLine {
  /** Such as `user:user-123:escrow`. */
  readonly account: string
  readonly amount: number
}

/** An entry of several lines, which add up to nothing. */
export class LedgerEntryCreatedEvent extends BaseRewardEvent {
  static readonly eventType = WalletEventType.LEDGER_ENTRY_CREATED
  declare readonly userId: string
  declare readonly operation: string
  declare readonly currency: string
  declare readonly lines: readonly LedgerLine[]
  declare readonly transactionId: string

  constructor(fields: FieldsOf<LedgerEntryCreatedEvent>) {
    super(fields.userId, fields)
  }
}

/** What subscribers of a user's escrows get. */
export type RewardEvent = EscrowHeldEvent | EscrowSettledEvent | EscrowRefundedEvent | EscrowPartialSettledEvent
