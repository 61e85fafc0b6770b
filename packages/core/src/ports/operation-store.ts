import type { Abortable, Awaitable } from './abortable.js'

/**
 * What became of operations that may be asked for more than once: who is at it, and how it ended. A key names an operation for all
 * processes; times are the store's own.
 */
export interface IOperationStore {
  /** Begins it for this owner, unless it is under way or has ended. What is begun ends by itself after `leaseMs`, unless it is renewed. */
  begin(key: string, claim: OperationClaim, options?: Abortable): Awaitable<OperationState>
  /** `false`: it is no longer this owner's. */
  renew(key: string, claim: Pick<OperationClaim, 'owner' | 'leaseMs'>, options?: Abortable): Awaitable<boolean>
  /** Keeps how it ended, for `ttlMs`. `false`: it is no longer this owner's, and nothing was kept. */
  complete(key: string, end: OperationEnd, options?: Abortable): Awaitable<boolean>
  /** As if it had not begun. Only where it is this owner's. */
  release(key: string, owner: string, options?: Abortable): Awaitable<void>
}

export interface OperationClaim {
  /** One call, in one process. */
  readonly owner: string
  /** What was asked for: the same key with another one is another request. */
  readonly fingerprint: string
  readonly leaseMs: number
}

export interface OperationEnd {
  readonly owner: string
  readonly outcome: string
  readonly ttlMs: number
}

/** `other`: the key was used for another request. */
export type OperationState =
  | { readonly kind: 'begun' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'other' }
  | { readonly kind: 'done'; readonly outcome: string }
