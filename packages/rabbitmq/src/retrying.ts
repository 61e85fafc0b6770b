import { toError } from '@interline/core'

const firstDelayMs = 50
const longestDelayMs = 3_000

/** Does something until it succeeds, with growing pauses of random length. */
export class Retrying {
  readonly #attempt: () => Promise<void>
  readonly #failed: (error: Error) => void
  #running = false
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(attempt: () => Promise<void>, failed: (error: Error) => void) {
    this.#attempt = attempt
    this.#failed = failed
  }

  /** Begins, or cuts a pause short. */
  start(): void {
    if (this.#stopped || (this.#running && this.#timer === undefined)) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#running = true
    void this.#try(firstDelayMs)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #try(delayMs: number): Promise<void> {
    try {
      await this.#attempt()
      this.#running = false
    } catch (thrown) {
      if (this.#stopped) return
      this.#failed(toError(thrown))
      this.#timer = setTimeout(
        () => {
          this.#timer = undefined
          void this.#try(Math.min(delayMs * 2, longestDelayMs))
        },
        delayMs * (0.75 + Math.random() / 2),
      )
    }
  }
}
