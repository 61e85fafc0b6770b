import { isPromise } from '../awaitable.js'
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

/** Calls until it succeeds, and answers at once where the call does, as going on without it would lose something. Rejects with ClosedError when the bus closes meanwhile. */
export function insist<T>(call: () => Awaitable<T>, settings: InsistSettings): Awaitable<T> {
  try {
    if (settings.closing.aborted) return Promise.reject(outOfTime())
    const result = call()
    return isPromise(result) ? result.catch((thrown: unknown) => again(call, settings, thrown)) : result
  } catch (thrown) {
    return again(call, settings, thrown)
  }
}

async function again<T>(call: () => Awaitable<T>, { clock, closing, report }: InsistSettings, failure: unknown): Promise<T> {
  for (let thrown = failure; ; ) {
    report(toError(thrown))
    await new Promise<void>((resolve) => clock.setTimer(resolve, retryDelayMs))
    if (closing.aborted) throw outOfTime()
    try {
      return await call()
    } catch (next) {
      thrown = next
    }
  }
}

function outOfTime(): ClosedError {
  return new ClosedError('The bus was closed before the store could be reached.')
}
