import { after, isPromise } from '../awaitable.js'
import { Batcher } from '../batcher.js'
import { toError } from '../errors.js'
import type { EventMetadata } from '../event/metadata.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock, Timer } from '../ports/clock.js'
import type { Claim, ClaimResult, IIdempotencyStore } from '../ports/idempotency-store.js'

export interface DedupSettings {
  readonly store: IIdempotencyStore
  /** How long a handled event is remembered. */
  readonly ttlMs: number
  readonly clock: IClock
  /** Calls are collected into round trips; off where the store answers at once. */
  readonly collect: boolean
  readonly report: (detail: string, error: Error) => void
}

// a claim outlives a pause of its process of up to this long; renewed three times as often
const leaseMs = 10_000
const retryDelayMs = 250
/** How soon somebody looks again whether another owner is through with the same event. */
export const busyDelayMs = 50

/** What one handler claims before it runs an event: its id, and its idempotency key where it has one. */
export function claimsFor(type: string, metadata: EventMetadata, group: string, handler: string, owner: string): readonly Claim[] {
  const byId = { key: `${group}\n${handler}\n${metadata.source}\n${metadata.eventId}`, owner }
  if (metadata.idempotencyKey === undefined) return [byId]
  return [byId, { key: `${group}\n${handler}\n${type}\n#${metadata.idempotencyKey}`, owner }]
}

/** Sees that each event is handled once by each handler. While its store is away it waits: it never lets an event pass unchecked. */
export class Dedup {
  readonly #settings: DedupSettings
  readonly #held = new Set<Claim>()
  readonly #completing: Batcher<readonly Claim[], undefined>
  #renewal: Timer | undefined
  #closed = false

  constructor(settings: DedupSettings) {
    this.#settings = settings
    this.#completing = new Batcher(async (batch) => {
      await this.#insist('remember handled events', () => settings.store.complete(batch.flat(), { ttlMs: settings.ttlMs }))
      return batch.map(() => undefined)
    })
  }

  /** For each set of claims: `claimed` when all of them were; else none is held. */
  claim(requests: readonly (readonly Claim[])[]): Awaitable<readonly ClaimResult[]> {
    const claims = requests.length === 1 ? (requests[0] as readonly Claim[]) : requests.flat()
    if (claims.length === 0) return []
    const answered = this.#insist('claim events', () => this.#settings.store.claim(claims, { leaseMs }))
    return after(answered, (results) => this.#judge(requests, results))
  }

  complete(claims: readonly Claim[]): Awaitable<void> {
    const remembered = this.#settings.collect
      ? this.#completing.add(claims)
      : this.#insist('remember handled events', () => this.#settings.store.complete(claims, { ttlMs: this.#settings.ttlMs }))
    // until then it is renewed: a claim that ends early would let a duplicate in
    return after(remembered, () => {
      for (const claim of claims) this.#held.delete(claim)
    })
  }

  release(claims: readonly Claim[]): Awaitable<void> {
    for (const claim of claims) this.#held.delete(claim)
    // a claim that can't be released ends with its lease
    return this.#once('release a claim', () => this.#settings.store.release(claims))
  }

  /** They are no more this process's to renew or to give back. Where nobody has taken them over they end with their lease. */
  forget(claims: readonly Claim[]): void {
    for (const claim of claims) this.#held.delete(claim)
  }

  close(): void {
    this.#closed = true
    this.#renewal?.cancel()
  }

  #judge(requests: readonly (readonly Claim[])[], results: readonly ClaimResult[]): Awaitable<readonly ClaimResult[]> {
    let index = 0
    const unneeded: Claim[] = []
    const verdicts = requests.map((claims) => {
      const answers = results.slice(index, (index += claims.length))
      const verdict = answers.includes('done') ? 'done' : answers.includes('busy') ? 'busy' : 'claimed'
      // holding one of two while waiting for the other could make two owners wait for each other
      if (verdict === 'claimed') for (const claim of claims) this.#held.add(claim)
      else unneeded.push(...claims.filter((_, at) => answers[at] === 'claimed'))
      return verdict
    })
    this.#keepRenewing()
    return unneeded.length === 0 ? verdicts : after(this.release(unneeded), () => verdicts)
  }

  #keepRenewing(): void {
    if (this.#renewal !== undefined || this.#held.size === 0 || this.#closed) return
    this.#renewal = this.#settings.clock.setTimer(
      () => {
        this.#renewal = undefined
        if (this.#held.size === 0) return
        const renewed = this.#once('renew claims', () => this.#settings.store.renew([...this.#held], { leaseMs }))
        after(renewed, () => this.#keepRenewing())
      },
      leaseMs / 3,
      { background: true },
    )
  }

  #once(what: string, call: () => Awaitable<void>): Awaitable<void> {
    const failed = (thrown: unknown): void => this.#settings.report(`The idempotency store could not ${what}.`, toError(thrown))
    try {
      const result = call()
      return isPromise(result) ? result.catch(failed) : result
    } catch (thrown) {
      failed(thrown)
    }
  }

  #insist<T>(what: string, call: () => Awaitable<T>): Awaitable<T> {
    const again = (thrown: unknown): Promise<T> => {
      const error = toError(thrown)
      if (this.#closed) return Promise.reject(error)
      this.#settings.report(`The idempotency store could not ${what}; waiting for it.`, error)
      return new Promise<void>((resolve) => this.#settings.clock.setTimer(resolve, retryDelayMs)).then(() => this.#insist(what, call))
    }
    try {
      const result = call()
      return isPromise(result) ? result.catch(again) : result
    } catch (thrown) {
      return again(thrown)
    }
  }
}
