import { toError } from '../errors.js'
import type { ILogger } from '../ports/logger.js'

export interface HouseKeepingSettings<Result> {
  /** What it does, for a warning, such as "the retention of the event store". */
  readonly what: string
  readonly intervalMs: number
  readonly pass: () => Promise<Result>
  readonly logger: Pick<ILogger, 'warn'>
}

const afterFailureMs = 30_000

/** One pass from time to time, never two at once; one that fails is told and tried again. Keeps no process alive. */
export class HouseKeeping<Result> {
  readonly #settings: HouseKeepingSettings<Result>
  #timer: ReturnType<typeof setTimeout> | undefined
  #running: Promise<Result> | undefined
  #started = false
  #stopped = false

  constructor(settings: HouseKeepingSettings<Result>) {
    this.#settings = settings
  }

  /** `soon` does not wait for the first interval. */
  start({ soon = false }: { readonly soon?: boolean | undefined } = {}): void {
    if (this.#started) return
    this.#started = true
    this.#later(soon ? 0 : this.#settings.intervalMs)
  }

  /** Runs now, after the pass under way. */
  async run(): Promise<Result> {
    while (this.#running !== undefined) await this.#running.catch(() => undefined)
    this.#running = this.#settings.pass().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** No more passes; resolves when the last has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running?.catch(() => undefined)
  }

  #later(delayMs: number): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.#byItself(), delayMs)
    this.#timer.unref()
  }

  async #byItself(): Promise<void> {
    const { intervalMs } = this.#settings
    try {
      await this.run()
      this.#later(intervalMs)
    } catch (thrown) {
      if (this.#stopped) return
      this.#settings.logger.warn(`${this.#settings.what} was not applied. It will be tried again.`, { error: toError(thrown).message })
      this.#later(Math.min(intervalMs, afterFailureMs))
    }
  }
}
