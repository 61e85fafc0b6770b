import type { Abortable, Awaitable } from './abortable.js'

/** Who may begin when, counted over all processes that share it. */
export interface IRateLimiter {
  /**
   * Takes the next free place of a name: answers in how many milliseconds it begins, 0 for now. Places follow each other by `intervalMs`;
   * after a pause, up to `burst` of them begin at once.
   */
  reserve(name: string, rate: Rate, options?: Abortable): Awaitable<number>
}

export interface Rate {
  readonly intervalMs: number
  readonly burst: number
}
