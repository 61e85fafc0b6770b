import type { Abortable, Awaitable } from './abortable.js'

/**
 * What has been handled. A key is claimed before the handler runs and marked as done only after it succeeded, so that a failed
 * attempt leaves nothing behind. Calls take many keys, so that a store can answer for a batch in one round trip.
 */
export interface IIdempotencyStore {
  /**
   * For each claim in turn: `claimed`, the owner may run; `done`, handled before; `busy`, another owner is at it.
   * The same owner may claim again (a redelivery takes over its own claim). A claim ends by itself after `leaseMs`.
   */
  claim(claims: readonly Claim[], options: ClaimOptions): Awaitable<readonly ClaimResult[]>
  /** Extends the claims that the owner still holds. */
  renew(claims: readonly Claim[], options: ClaimOptions): Awaitable<void>
  /** Handled: answers `done` from now on, for `ttlMs`. */
  complete(claims: readonly Claim[], options: CompleteOptions): Awaitable<void>
  /** Not handled: the next owner may claim at once. Only where the owner holds it. */
  release(claims: readonly Claim[], options?: Abortable): Awaitable<void>
  /** How many keys it holds, for metrics. */
  size(options?: Abortable): Awaitable<number>
}

export interface Claim {
  readonly key: string
  /** Who claims: one delivery of one process or, after a crash, the redelivery of the same entry. */
  readonly owner: string
}

export type ClaimResult = 'claimed' | 'done' | 'busy'

export interface ClaimOptions extends Abortable {
  readonly leaseMs: number
}

export interface CompleteOptions extends Abortable {
  readonly ttlMs: number
}
