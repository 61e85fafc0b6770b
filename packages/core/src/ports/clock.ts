/** A pending timer. */
export interface Timer {
  cancel(): void
}

/** Where all of core's waiting goes, so that a test can turn days into milliseconds. */
export interface IClock {
  /** Wall time in milliseconds since 1970, for time stamps and due times. */
  now(): number
  /** Milliseconds on a clock that never jumps, for durations. */
  monotonic(): number
  /** Runs the callback once, not before `delayMs` have passed. Any length. */
  setTimer(callback: () => void, delayMs: number, options?: TimerOptions): Timer
}

export interface TimerOptions {
  /** House-keeping: the process may end without it. */
  readonly background?: boolean | undefined
}
