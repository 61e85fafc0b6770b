import {
  type IClock,
  type IOperationStore,
  type OperationClaim,
  type OperationEnd,
  type OperationState,
  systemClock,
} from '@interline/core'

export interface MemoryOperationStoreOptions {
  readonly clock?: IClock | undefined
}

interface Kept {
  readonly fingerprint: string
  readonly owner: string
  readonly outcome: string | undefined
  readonly until: number
}

const sweepEvery = 1_000

/** Operations of this process. */
export class MemoryOperationStore implements IOperationStore {
  readonly #clock: IClock
  readonly #kept = new Map<string, Kept>()
  #begun = 0

  constructor({ clock = systemClock }: MemoryOperationStoreOptions = {}) {
    this.#clock = clock
  }

  begin(key: string, { owner, fingerprint, leaseMs }: OperationClaim): OperationState {
    const now = this.#clock.monotonic()
    if (++this.#begun % sweepEvery === 0) for (const [name, { until }] of this.#kept) if (until <= now) this.#kept.delete(name)
    const kept = this.#kept.get(key)
    if (kept !== undefined && kept.until > now) {
      if (kept.fingerprint !== fingerprint) return { kind: 'other' }
      if (kept.outcome !== undefined) return { kind: 'done', outcome: kept.outcome }
      if (kept.owner !== owner) return { kind: 'busy' }
    }
    this.#kept.set(key, { fingerprint, owner, outcome: undefined, until: now + leaseMs })
    return { kind: 'begun' }
  }

  renew(key: string, { owner, leaseMs }: Pick<OperationClaim, 'owner' | 'leaseMs'>): boolean {
    const kept = this.#heldBy(key, owner)
    if (kept !== undefined) this.#kept.set(key, { ...kept, until: this.#clock.monotonic() + leaseMs })
    return kept !== undefined
  }

  complete(key: string, { owner, outcome, ttlMs }: OperationEnd): boolean {
    const kept = this.#heldBy(key, owner)
    if (kept !== undefined) this.#kept.set(key, { ...kept, outcome, until: this.#clock.monotonic() + ttlMs })
    return kept !== undefined
  }

  release(key: string, owner: string): void {
    if (this.#heldBy(key, owner) !== undefined) this.#kept.delete(key)
  }

  #heldBy(key: string, owner: string): Kept | undefined {
    const kept = this.#kept.get(key)
    return kept !== undefined && kept.owner === owner && kept.outcome === undefined && kept.until > this.#clock.monotonic()
      ? kept
      : undefined
  }
}
