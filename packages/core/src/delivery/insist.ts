import { ClosedError, toError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'

export interface InsistSettings {
  readonly clock: IClock
  /** Aborted when the bus closes past its deadline. */
  readonly closing: AbortSignal
  readonly report: (error: Error) => void
}

const retryDelayMs = 250

/** Calls until it succeeds, as going on without it would lose something. Rejects with ClosedError when the bus closes meanwhile. */
export async function insist<T>(call: () => Awaitable<T>, { clock, closing, report }: InsistSettings): Promise<T> {
  while (!closing.aborted) {
    try {
      return await call()
    } catch (thrown) {
      report(toError(thrown))
      await new Promise<void>((resolve) => clock.setTimer(resolve, retryDelayMs))
    }
  }
  throw new ClosedError('The bus was closed before the store could be reached.')
}
