import { type ClaimedSaga, type IClock, type ILogger, type ISagaStore, toError } from '@interline/core'
import type { SagaPool } from './saga-pool.js'

export interface DueLoopOptions {
  readonly store: ISagaStore
  readonly clock: IClock
  readonly leaseMs: number
  /** How often it is looked where others write, too. */
  readonly pollMs: number
  readonly pool: SagaPool
  readonly logger: Pick<ILogger, 'warn'>
  readonly types: () => readonly string[]
  readonly work: (claimed: ClaimedSaga) => Promise<void>
}

/** Finds the sagas whose time has come, also those that a dead process left, and has them worked on. */
export class DueLoop {
  readonly #options: DueLoopOptions
  #stopped = false
  #wake: () => void = () => undefined
  #woken = false
  #loop: Promise<void> | undefined
  #unsubscribe: (() => void) | undefined
  /** Told when a look found nothing that is due now. */
  readonly #idle: (() => void)[] = []

  constructor(options: DueLoopOptions) {
    this.#options = options
  }

  start(): void {
    const { store } = this.#options
    this.#unsubscribe = store.onChanged?.(() => this.wake())
    this.#loop ??= this.#run()
  }

  /** Something may be due earlier than it was known. */
  wake(): void {
    this.#woken = true
    this.#wake()
  }

  /** Resolves when nothing is due or runs here. */
  async idle(): Promise<void> {
    if (this.#loop === undefined || this.#stopped) return
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve)
      this.wake()
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#unsubscribe?.()
    this.#wake()
    await this.#loop
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  async #run(): Promise<void> {
    const { store, leaseMs, pollMs, pool, logger, types, work } = this.#options
    while (!this.#stopped) {
      this.#woken = false
      let waitMs = pollMs
      try {
        const room = pool.room
        if (room > 0 && types().length > 0) {
          const { claimed, nextInMs } = await store.claimDue(types(), { leaseMs, limit: room })
          for (const each of claimed) pool.add(() => work(each).finally(() => this.wake()))
          waitMs = store.onChanged === undefined ? Math.min(pollMs, nextInMs ?? pollMs) : (nextInMs ?? Number.POSITIVE_INFINITY)
          if (claimed.length === 0 && !pool.busy && !this.#woken) for (const resolve of this.#idle.splice(0)) resolve()
        }
      } catch (thrown) {
        logger.warn('Looking for sagas that are due failed; it is tried again.', { error: toError(thrown).message })
      }
      await this.#pause(waitMs)
    }
    await pool.idle()
  }

  #pause(forMs: number): Promise<void> {
    if (this.#woken || this.#stopped) return Promise.resolve()
    return new Promise((resolve) => {
      const timer =
        forMs === Number.POSITIVE_INFINITY ? undefined : this.#options.clock.setTimer(() => this.#wake(), forMs, { background: true })
      this.#wake = () => {
        timer?.cancel()
        this.#wake = () => undefined
        resolve()
      }
    })
  }
}
