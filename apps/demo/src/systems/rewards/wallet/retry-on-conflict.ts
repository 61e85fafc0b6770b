import { setTimeout as pauseMs } from 'node:timers/promises'
import { ConfigurationError } from 'interline'
import { OptimisticLockError } from './errors.js'

export interface ConflictRetry {
  /** After the first run. */
  readonly maxRetryAttempts: number
  /** Before the first retry; doubled for each further one. */
  readonly retryBackoffMs: number
}

const defaults = { maxRetryAttempts: 3, retryBackoffMs: 100 } as const

/** Fills in the defaults. */
export function conflictRetry(options: Partial<ConflictRetry>): ConflictRetry {
  const retry = { ...defaults, ...options }
  for (const [name, value] of Object.entries(retry)) {
    if (Number.isInteger(value) && value >= 0) continue
    throw new ConfigurationError(`The wallet service got ${name}: ${value}; give a whole number, 0 or more.`)
  }
  return retry
}

/** Runs it again when it lost against another operation; anything else it throws is thrown at once. */
export async function retryOnConflict<T>(
  run: () => Promise<T>,
  { maxRetryAttempts, retryBackoffMs }: ConflictRetry,
  pause: (delayMs: number) => Promise<unknown> = pauseMs,
): Promise<T> {
  for (let retry = 0; ; retry++) {
    try {
      return await run()
    } catch (thrown) {
      if (!(thrown instanceof OptimisticLockError) || retry === maxRetryAttempts) throw thrown
      await pause(retryBackoffMs * 2 ** retry)
    }
  }
}
