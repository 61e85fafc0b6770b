import type { Abortable, Awaitable } from './abortable.js'

/** Who may do what only one process may do at a time. A lease is fenced: a write under an old token is refused by whoever checks it. */
export interface ILeaseStore {
  /** `undefined` when somebody else holds it. */
  acquire(name: string, owner: string, options: LeaseOptions): Awaitable<Lease | undefined>
  /** `false`: lost. */
  renew(lease: Lease, options: LeaseOptions): Awaitable<boolean>
  release(lease: Lease, options?: Abortable): Awaitable<void>
}

export interface Lease {
  readonly name: string
  readonly owner: string
  /** Grows with every new owner. */
  readonly token: number
}

export interface LeaseOptions extends Abortable {
  readonly durationMs: number
}
