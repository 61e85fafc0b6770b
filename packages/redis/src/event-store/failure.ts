import { ConnectionError, isInterlineError, toError } from '@interline/core'
import { isReply } from '../connections.js'

/** What the caller gets for what went wrong with the server. Without the command that failed, which holds the events. */
export function failure(thrown: unknown, what: string, next: string): Error {
  const error = toError(thrown)
  if (isInterlineError(error) || error.name === 'AbortError') return error
  const cause = new Error(error.message)
  cause.name = error.name
  if (error.message.startsWith('OOM')) {
    return new ConnectionError(`Redis is full, and did not ${what}. Raise maxmemory, or set a retention.`, { cause })
  }
  if (error.message.startsWith('WRONGTYPE')) {
    return new ConnectionError(`Redis can't ${what}: a key of the store is used by something else. Give the store a prefix of its own.`, {
      cause,
    })
  }
  return new ConnectionError(`Redis ${isReply(error) ? 'refused to' : 'did not answer when asked to'} ${what}: ${error.message}. ${next}`, {
    cause,
  })
}

/** Rejects with the signal's reason as soon as it is aborted. What had begun on the server may still take effect. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
