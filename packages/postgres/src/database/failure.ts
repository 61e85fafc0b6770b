import { ConnectionError, isInterlineError, toError } from '@interline/core'

interface ServerError extends Error {
  /** SQLSTATE, or a code of the system. */
  readonly code?: string
  readonly constraint?: string
  readonly severity?: string
}

/** What wraps an error of the server in one library or another. */
const wrappings = ['cause', 'driverError', 'originalError', 'meta', 'driverAdapterError'] as const

/** The error of the server within what a library made of it; what was thrown itself where there is none. */
export function serverErrorIn(thrown: unknown, depth: number = 4): ServerError {
  const error = toError(thrown) as ServerError
  if (error.severity !== undefined || depth === 0) return error
  for (const name of wrappings) {
    const inner = (thrown as Readonly<Record<string, unknown>> | null)?.[name]
    if (typeof inner !== 'object' || inner === null) continue
    // Prisma keeps what the server said under names of its own.
    const { originalCode, originalMessage } = inner as { readonly originalCode?: string; readonly originalMessage?: string }
    if (originalCode !== undefined) {
      return Object.assign(new Error(originalMessage), { code: originalCode, severity: 'ERROR' })
    }
    const found = serverErrorIn(inner, depth - 1)
    if (found.severity !== undefined) return found
  }
  return error
}

/** SQLSTATE of an error that the server answered; `undefined` where no answer came. */
export function sqlState(thrown: unknown): string | undefined {
  const { code, severity } = serverErrorIn(thrown)
  return severity === undefined ? undefined : code
}

/** Whether nobody knows what became of the call: the connection was lost, or the server went down. */
export function isLost(thrown: unknown): boolean {
  if (isInterlineError(thrown)) return false
  const state = sqlState(thrown)
  return state === undefined || state.startsWith('08') || ['57P01', '57P02', '57P03', '53300'].includes(state)
}

/** Whether the server undid the whole of it, and the same call may succeed at once. */
export function isUndone(thrown: unknown): boolean {
  return ['40001', '40P01', uniqueViolation].includes(sqlState(thrown) ?? '')
}

export const uniqueViolation = '23505'

/** What a person is told for an SQLSTATE: what it means, and what to do. */
const meanings: Readonly<Record<string, string>> = {
  '28P01': 'the password or the user is wrong',
  '28000': 'the server lets this user not in (pg_hba.conf)',
  '3D000': 'there is no such database; create it',
  '3F000': 'there is no such schema',
  '25006': 'the server or the transaction is read-only; connect to the primary',
  '42501': 'this user may not do it; grant it the rights on the schema and its tables',
  '42P01': 'a table of the store is missing; was it dropped? Connect anew to make it',
  '42883': 'a function of the store is missing; was it dropped?',
  '53100': 'the disk of the server is full; free some space',
  '53300': 'the server has no connection left; lower maxConnections or raise max_connections',
  '57014': 'it took longer than statement_timeout, and was undone',
}

/** What the caller gets for what went wrong with the server. Without statement and details, which hold the events. */
export function failure(thrown: unknown, what: string, next: string): Error {
  const error = toError(thrown) as ServerError
  if (isInterlineError(error) || error.name === 'AbortError') return error
  const state = sqlState(error)
  const told = state === undefined ? plainMessage(error) : (meanings[state] ?? error.message)
  const cause = Object.assign(new Error(plainMessage(error)), error.code === undefined ? {} : { code: error.code })
  cause.name = error.name
  const how = isLost(error) ? 'did not answer when asked to' : 'refused to'
  return new ConnectionError(`PostgreSQL ${how} ${what}: ${told}. ${next}`, { cause })
}

/** The errors of several addresses come as one without a message of its own. */
function plainMessage(error: Error): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map((each) => toError(each).message).join(', ')
  return error.message
}

/** Rejects with the signal's reason as soon as it is aborted. What had begun on the server may still take effect. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    // also of what nobody waits for any more: a rejection that is nobody's would end the process
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
