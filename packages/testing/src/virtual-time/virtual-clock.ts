import type { IClock, Timer } from '@interline/core'
import { settle } from './settle.js'

interface PendingTimer extends Timer {
  readonly dueAt: number
  readonly sequence: number
  readonly callback: () => void
}

/** A fixed day to begin with, so that time stamps in tests are the same in every run. */
const defaultStart = Date.UTC(2030, 0, 1)

/** A clock that stands still until it is told to go on. Days pass in milliseconds. */
export class VirtualClock implements IClock {
  readonly #start: number
  #now: number
  #sequence = 0
  readonly #timers = new Set<PendingTimer>()

  constructor(start: Date | number = defaultStart) {
    this.#start = Number(start)
    this.#now = this.#start
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now - this.#start
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    if (Number.isNaN(delayMs)) throw new TypeError('The delay of a timer is not a number.')
    const timer: PendingTimer = {
      dueAt: this.#now + Math.max(0, delayMs),
      sequence: this.#sequence++,
      callback,
      cancel: () => {
        this.#timers.delete(timer)
      },
    }
    this.#timers.add(timer)
    return timer
  }

  /** Timers that wait, and when the next of them is due. */
  get pending(): number {
    return this.#timers.size
  }

  get nextDueAt(): number | undefined {
    return this.#next()?.dueAt
  }

  /** Runs every timer that falls due on the way, in order, and lets what each sets off settle before the next. */
  async advance(byMs: number): Promise<void> {
    if (!(byMs >= 0)) throw new RangeError(`Time goes forward: advance(${byMs}) is not possible.`)
    const until = this.#now + byMs
    await settle()
    for (let timer = this.#next(); timer !== undefined && timer.dueAt <= until; timer = this.#next()) {
      this.#now = Math.max(this.#now, timer.dueAt)
      this.#timers.delete(timer)
      timer.callback()
      await settle()
    }
    this.#now = until
  }

  #next(): PendingTimer | undefined {
    let first: PendingTimer | undefined
    for (const timer of this.#timers) {
      if (first === undefined || timer.dueAt < first.dueAt || (timer.dueAt === first.dueAt && timer.sequence < first.sequence))
        first = timer
    }
    return first
  }
}
