import type { IClock, ISagaStore, SagaRecord, Timer } from '@interline/core'

/** Extends the lease of one saga while something of it runs, and tells by its signal that it is lost. */
export class LeaseKeeper {
  readonly #store: ISagaStore
  readonly #clock: IClock
  readonly #leaseMs: number
  readonly #lost = new AbortController()
  #record: SagaRecord
  #timer: Timer | undefined
  #renewing: Promise<void> | undefined
  #stopped = false

  constructor(store: ISagaStore, clock: IClock, leaseMs: number, record: SagaRecord) {
    this.#store = store
    this.#clock = clock
    this.#leaseMs = leaseMs
    this.#record = record
    this.#arm()
  }

  get signal(): AbortSignal {
    return this.#lost.signal
  }

  /** A save has changed the revision. */
  set record(record: SagaRecord) {
    this.#record = record
  }

  lose(): void {
    this.#lost.abort(new Error(`Another process has taken over the saga ${this.#record.type} ${this.#record.id}.`))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#renewing
  }

  #arm(): void {
    if (this.#stopped) return
    this.#timer = this.#clock.setTimer(() => void (this.#renewing = this.#renew()), this.#leaseMs / 3, { background: true })
  }

  async #renew(): Promise<void> {
    const record = this.#record
    try {
      const kept = await this.#store.renew(record, { leaseMs: this.#leaseMs })
      // A save of our own meanwhile has another revision, and the lease is ours still.
      if (!kept && record === this.#record) this.lose()
    } catch {
      // The next try may succeed in time; where none does, the next save is refused or fails, and tells.
    }
    this.#arm()
  }
}
