import type { IClock } from '@interline/core'
import { pause } from '../pause.js'

/** Lets no more than so many events a second go by. What was slower before may not be caught up on. */
export class Pace {
  readonly #clock: IClock
  readonly #perSecond: number | undefined
  #next: number

  constructor(clock: IClock, perSecond: number | undefined) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#next = clock.monotonic()
  }

  /** Waits until the next events may go, and counts them. */
  async pass(events: number, signal: AbortSignal): Promise<void> {
    if (this.#perSecond === undefined) return
    const now = this.#clock.monotonic()
    if (this.#next > now) await pause(this.#clock, this.#next - now, signal)
    this.#next = Math.max(this.#next, now) + (events * 1_000) / this.#perSecond
  }
}
