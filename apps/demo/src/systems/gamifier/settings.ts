import { configFromEnv, type RetryStrategy } from 'interline'

export interface Settings {
  readonly retry: Pick<RetryStrategy, 'maxAttempts' | 'backoff'> & { readonly maxAttempts: number }
  readonly deadLetters: boolean
  readonly tracking: boolean
}

const defaults = { maxAttempts: 3, delayMs: 20 } as const

/** What the game is told by `EVENT_…` variables. Where its broker and store are is not its matter. */
export function settingsFrom(environment: NodeJS.ProcessEnv): Settings {
  const { retry, deadLetter } = configFromEnv({ ...environment, INTERLINE_BROKER: 'memory', INTERLINE_STORE: 'memory' })
  const { maxAttempts = defaults.maxAttempts, backoff } = retry ?? {}
  const { type = 'exponential', delayMs = defaults.delayMs, maxDelayMs } = backoff ?? {}
  return {
    retry: { maxAttempts, backoff: { type, delay: delayMs, maxDelay: maxDelayMs } },
    deadLetters: deadLetter?.enabled ?? true,
    // what is no flag is refused by now
    tracking: !/^(false|0|no|off)$/i.test(environment.EVENT_TRACKING_ENABLED ?? ''),
  }
}
