import type { IClock, Timer, TimerOptions } from './ports/clock.js'

// setTimeout takes 31 bits; a longer delay would fire at once
const longestTimeoutMs = 2 ** 31 - 1

class SystemTimer implements Timer {
  #handle: ReturnType<typeof setTimeout>
  readonly #callback: () => void
  readonly #background: boolean

  constructor(callback: () => void, delayMs: number, { background = false }: TimerOptions) {
    this.#callback = callback
    this.#background = background
    this.#handle = this.#arm(delayMs)
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  #arm(delayMs: number): ReturnType<typeof setTimeout> {
    // setTimeout drops fractions and may fire a little early, and a backoff must never be early
    const thisTime = Math.min(Math.ceil(delayMs) + 1, longestTimeoutMs)
    const fire = thisTime < delayMs ? () => void (this.#handle = this.#arm(delayMs - thisTime)) : this.#callback
    const handle = setTimeout(fire, thisTime)
    if (this.#background) handle.unref()
    return handle
  }
}

/** The machine's own time. */
export const systemClock: IClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (callback, delayMs, options = {}) => new SystemTimer(callback, Math.max(0, delayMs), options),
}
