import type { IClock, Timer } from '../ports/clock.js'
import type { ILeaseStore, Lease } from '../ports/lease-store.js'

export interface HeldLeaseSettings {
  readonly leases: ILeaseStore
  readonly name: string
  readonly owner: string
  readonly durationMs: number
  readonly clock: IClock
}

/** How many times a lease is renewed while it lasts. */
const renewals = 3
/** For the holder it ends a little before it ends for the others. */
const shareForHolder = 0.9

/** A lease that is renewed for as long as it is held, also while its holder is busy. Whoever loses it is told by a signal. */
export class HeldLease {
  readonly #settings: HeldLeaseSettings
  #lease: Lease | undefined
  #lost = new AbortController()
  #timer: Timer | undefined
  #deadline: Timer | undefined
  #renewedAt = 0

  constructor(settings: HeldLeaseSettings) {
    this.#settings = settings
  }

  /** Aborted when the lease that was last held is lost or released. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Of the lease that is held; grows with every owner. 0 where none is. */
  get token(): number {
    return this.#lease?.token ?? 0
  }

  /** Whether it is held now; taken where it is free. Rejects where the store can't be asked. */
  async hold(): Promise<boolean> {
    const { leases, name, owner, durationMs, clock } = this.#settings
    // a process that was frozen finds out before its timer does
    if (this.#lease !== undefined && clock.monotonic() - this.#renewedAt > durationMs / 2) await this.#renew()
    if (this.#lease !== undefined) return true
    const asked = clock.monotonic()
    const lease = await leases.acquire(name, owner, { durationMs })
    if (lease === undefined) return false
    this.#lease = lease
    this.#lost = new AbortController()
    this.#renewed(asked)
    this.#renewLater(lease)
    return true
  }

  async release(): Promise<void> {
    const lease = this.#lease
    this.#end()
    if (lease !== undefined) await this.#settings.leases.release(lease)
  }

  #renewLater(lease: Lease): void {
    const { clock, durationMs } = this.#settings
    const renew = async (): Promise<void> => {
      await this.#renew()
      if (this.#lease === lease) this.#renewLater(lease)
    }
    this.#timer = clock.setTimer(() => void renew(), durationMs / renewals, { background: true })
  }

  async #renew(): Promise<void> {
    const { leases, clock, durationMs } = this.#settings
    const lease = this.#lease
    if (lease === undefined) return
    const asked = clock.monotonic()
    let renewed: boolean | undefined
    try {
      renewed = await leases.renew(lease, { durationMs })
    } catch {
      // Not told: it is still held as long as it was promised for, and asked about once more before that.
    }
    if (this.#lease !== lease) return
    if (renewed === true) this.#renewed(asked)
    if (renewed === false || this.#endsAt <= clock.monotonic()) this.#end()
  }

  /** It ends also where a renewal is not answered. */
  #renewed(asked: number): void {
    const { clock } = this.#settings
    this.#renewedAt = asked
    this.#deadline?.cancel()
    this.#deadline = clock.setTimer(() => this.#end(), this.#endsAt - clock.monotonic(), { background: true })
  }

  get #endsAt(): number {
    return this.#renewedAt + this.#settings.durationMs * shareForHolder
  }

  #end(): void {
    this.#timer?.cancel()
    this.#deadline?.cancel()
    this.#lease = undefined
    this.#lost.abort(new Error(`The lease "${this.#settings.name}" was lost.`))
  }
}
