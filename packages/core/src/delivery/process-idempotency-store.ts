import { ConfigurationError } from '../errors.js'
import type { IClock } from '../ports/clock.js'
import type { Claim, ClaimOptions, ClaimResult, CompleteOptions, IIdempotencyStore } from '../ports/idempotency-store.js'
import { systemClock } from '../system-clock.js'

export interface ProcessIdempotencyStoreOptions {
  /** The most handled keys it remembers; at that point the older half is forgotten before its time. 100,000 where it is not said. */
  readonly maxKeys?: number | undefined
  readonly clock?: IClock | undefined
}

interface Claimed {
  readonly owner: string
  readonly until: number
}

const defaultMaxKeys = 100_000

/**
 * What this process has handled. Handled keys are in two generations, and the older one goes as a whole: to look for what may be
 * forgotten key by key would cost every event more than all the rest of its dedup.
 */
export class ProcessIdempotencyStore implements IIdempotencyStore {
  readonly #generationSize: number
  readonly #clock: IClock
  readonly #claimed = new Map<string, Claimed>()
  /** Handled keys, each with when it may be forgotten. */
  #young = new Map<string, number>()
  #old = new Map<string, number>()
  /** When the last key of a generation may be forgotten. */
  #youngUntil = 0
  #oldUntil = 0

  constructor({ maxKeys = defaultMaxKeys, clock = systemClock }: ProcessIdempotencyStoreOptions = {}) {
    if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) throw new ConfigurationError(`maxKeys is ${maxKeys}; give a whole number from 1.`)
    this.#generationSize = Math.ceil(maxKeys / 2)
    this.#clock = clock
  }

  claim(claims: readonly Claim[], { leaseMs }: ClaimOptions): readonly ClaimResult[] {
    const now = this.#clock.monotonic()
    return claims.map((claim) => this.#claim(claim, now, now + leaseMs))
  }

  renew(claims: readonly Claim[], { leaseMs }: ClaimOptions): void {
    const now = this.#clock.monotonic()
    for (const { key, owner } of claims) {
      const claimed = this.#claimed.get(key)
      if (claimed !== undefined && claimed.owner === owner && claimed.until > now) this.#claimed.set(key, { owner, until: now + leaseMs })
    }
  }

  complete(claims: readonly Claim[], { ttlMs }: CompleteOptions): void {
    const now = this.#clock.monotonic()
    this.#youngUntil = Math.max(this.#youngUntil, now + ttlMs)
    for (const claim of claims) {
      this.#release(claim)
      this.#young.set(claim.key, now + ttlMs)
      if (this.#young.size >= this.#generationSize) this.#nextGeneration(now)
    }
    if (this.#oldUntil <= now) this.#nextGeneration(now)
  }

  release(claims: readonly Claim[]): void {
    for (const claim of claims) this.#release(claim)
  }

  size(): number {
    return this.#young.size + this.#old.size + this.#claimed.size
  }

  #claim({ key, owner }: Claim, now: number, until: number): ClaimResult {
    const doneUntil = this.#young.get(key) ?? this.#old.get(key)
    if (doneUntil !== undefined && doneUntil > now) return 'done'
    const claimed = this.#claimed.get(key)
    if (claimed !== undefined && claimed.owner !== owner && claimed.until > now) return 'busy'
    this.#claimed.set(key, { owner, until })
    return 'claimed'
  }

  #release({ key, owner }: Claim): void {
    if (this.#claimed.get(key)?.owner === owner) this.#claimed.delete(key)
  }

  #nextGeneration(now: number): void {
    this.#old = this.#young
    this.#oldUntil = this.#youngUntil
    this.#young = new Map()
    this.#youngUntil = 0
    // the claims of those who never came back
    for (const [key, { until }] of this.#claimed) if (until <= now) this.#claimed.delete(key)
  }
}
