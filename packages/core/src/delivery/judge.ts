import { isInterlineError } from '../errors.js'
import type { DeadLetterReason } from '../ports/dead-letter-store.js'
import type { RetryPolicy } from './retry-policy.js'
import { isDelay } from './verdict.js'

export type Judgement = { readonly kind: 'retry'; readonly afterMs: number } | { readonly kind: 'dead'; readonly reason: DeadLetterReason }

/** What becomes of an attempt that failed. */
export function judge(error: Error, attempt: number, policy: RetryPolicy, canRetry: boolean): Judgement {
  const code = isInterlineError(error) ? error.code : undefined
  if (code === 'INTERLINE_REJECT') return { kind: 'dead', reason: 'rejected' }
  if (code === 'INTERLINE_VALIDATION') return { kind: 'dead', reason: 'invalid' }
  if (!canRetry || attempt >= policy.maxAttempts) return { kind: 'dead', reason: 'exhausted' }
  const askedFor = code === 'INTERLINE_RETRY_LATER' ? (error as Error & { afterMs?: unknown }).afterMs : undefined
  return { kind: 'retry', afterMs: isDelay(askedFor) ? Math.max(0, askedFor) : policy.delayAfter(attempt) }
}
