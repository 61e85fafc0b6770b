import { type IClock, type ILeaseStore, type Lease, type LeaseOptions, systemClock } from '@interline/core'

export interface MemoryLeaseStoreOptions {
  readonly clock?: IClock | undefined
}

interface Held {
  readonly lease: Lease
  readonly until: number
}

/** Leases among the users of one instance: tests that stand for several processes, and a program that has only one. */
export class MemoryLeaseStore implements ILeaseStore {
  readonly #clock: IClock
  readonly #held = new Map<string, Held>()
  /** One count for all names, so that a token grows although nothing is kept of a lease that was released. */
  #tokens = 0

  constructor({ clock = systemClock }: MemoryLeaseStoreOptions = {}) {
    this.#clock = clock
  }

  acquire(name: string, owner: string, { durationMs }: LeaseOptions): Lease | undefined {
    const held = this.#current(name)
    if (held !== undefined && held.owner !== owner) return undefined
    return this.#hold(held ?? { name, owner, token: ++this.#tokens }, durationMs)
  }

  renew(lease: Lease, { durationMs }: LeaseOptions): boolean {
    if (this.#current(lease.name)?.token !== lease.token) return false
    this.#hold(lease, durationMs)
    return true
  }

  release(lease: Lease): void {
    if (this.#current(lease.name)?.token === lease.token) this.#held.delete(lease.name)
  }

  #current(name: string): Lease | undefined {
    const held = this.#held.get(name)
    return held !== undefined && held.until > this.#clock.monotonic() ? held.lease : undefined
  }

  #hold(lease: Lease, durationMs: number): Lease {
    this.#held.set(lease.name, { lease, until: this.#clock.monotonic() + durationMs })
    return lease
  }
}
