import { isInterlineError } from '@interline/core'

/** What Node's sockets and resolvers report of the way to a service, and not of its answer. */
const systemCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_SOCKET',
])

/**
 * Whether an error is the machinery's, so that the same work may succeed later: one that says so by `retryable`, a system error of the
 * network, or one that was caused by such an error. Any other is the business's answer.
 */
export function isMachinery(thrown: unknown): boolean {
  for (let error = thrown, depth = 0; typeof error === 'object' && error !== null && depth < 8; depth++) {
    const { retryable, code, cause } = error as { readonly retryable?: unknown; readonly code?: unknown; readonly cause?: unknown }
    if (typeof retryable === 'boolean' && (retryable || isInterlineError(error))) return retryable
    if (typeof code === 'string' && systemCodes.has(code)) return true
    error = cause
  }
  return false
}
