import type { LedgerLine, WalletKind } from '../events/wallet-events.js'

export interface Wallet {
  readonly kind: WalletKind
  readonly id: string
  readonly availableBalance: number
  readonly escrowBalance: number
  /** Counts its changes. */
  readonly version: number
}

export interface Escrow {
  readonly id: string
  readonly userId: string
  readonly amount: number
  readonly state: 'held' | 'settled' | 'refunded' | 'partially-settled'
}

/** What an operation answers, and answers again. */
export interface WalletResult {
  readonly transactionId: string
  readonly escrowId: string
  readonly userAvailableBalance: number
  readonly userEscrowBalance: number
}

/** What an operation moves between balances, as decided on what was read. */
export interface Movement {
  /** As it was read: it must be like this still. */
  readonly user: Wallet
  /** As it will be. */
  readonly escrow: Escrow
  readonly toAvailable: number
  readonly toEscrow: number
  readonly toModel?: { readonly id: string; readonly amount: number } | undefined
  /** Tells of it, once it is done. */
  announce(done: WalletResult): Promise<void>
}

export function accountOf(kind: WalletKind, id: string, balance: 'available' | 'escrow'): string {
  return `${kind}:${id}:${balance}`
}

/** Of double entry: they add up to nothing. */
export function linesOf({ user, toAvailable, toEscrow, toModel }: Movement): readonly LedgerLine[] {
  const lines = [
    { account: accountOf('user', user.id, 'available'), amount: toAvailable },
    { account: accountOf('user', user.id, 'escrow'), amount: toEscrow },
    ...(toModel === undefined ? [] : [{ account: accountOf('model', toModel.id, 'available'), amount: toModel.amount }]),
  ].filter(({ amount }) => amount !== 0)
  const sum = lines.reduce((total, { amount }) => total + amount, 0)
  if (sum !== 0) throw new Error(`A movement of wallet "${user.id}" would make ${sum} out of nothing.`)
  return lines
}
