import { ConfigurationError, InterlineError } from '../errors.js'

export interface RetryLaterOptions {
  /** A time that has passed already, a negative number, means at once. */
  readonly afterMs: number
  readonly cause?: unknown
}

/** Whether a moment that many milliseconds from now can be told by a number. */
export function isDelay(value: unknown): value is number {
  return typeof value === 'number' && value < 2 ** 52 && value > -(2 ** 52)
}

/** Thrown by a handler: run me again after this long. Counts as an attempt. */
export class RetryLater extends InterlineError {
  override readonly code = 'INTERLINE_RETRY_LATER'
  override readonly retryable: boolean = true
  readonly afterMs: number

  constructor({ afterMs, cause }: RetryLaterOptions) {
    if (!isDelay(afterMs)) throw new ConfigurationError(`RetryLater got afterMs: ${String(afterMs)}; give milliseconds.`)
    super(`The handler asked to be run again after ${afterMs} ms.`, { cause })
    this.afterMs = afterMs
  }
}

/** Thrown by a handler: this event will never be handled. It becomes a dead letter at once. */
export class Reject extends InterlineError {
  override readonly code = 'INTERLINE_REJECT'
}
