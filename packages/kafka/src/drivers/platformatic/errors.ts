import { DriverError, type DriverErrorKind, isDriverError } from '../driver.js'
import { errorKinds, mayBeStored } from '../protocol/error-kinds.js'

/** What the library's errors may carry. */
interface LibraryError extends Error {
  readonly code?: string
  /** Kafka's name of a refusal. */
  readonly apiId?: string
  readonly serverErrorMessage?: string | null
  readonly canRetry?: boolean
  readonly memberId?: string
  readonly errors?: readonly LibraryError[]
  readonly response?: unknown
}

/** An error of the library as one of ours; `sent` where the request was on its way: it may have been carried out, but for what was refused before. The message is kept; nothing that could hold a secret is. */
export function driverError(thrown: unknown, sent = false): DriverError {
  if (thrown instanceof DriverError) return thrown
  const chain = chainOf(thrown as LibraryError)
  const refusal = refusalOf(thrown)
  const last = chain.at(-1) as LibraryError
  const message = refusal === undefined ? last.message : `${refusal.message}${detailOf(refusal)}`
  const kind = kindOf(chain, refusal)
  return new DriverError(kind, message, { cause: thrown, sent: sent && mayBeStored(kind, refusal?.apiId) })
}

/** What the server answered, where it was the server who refused. */
export function refusalOf(thrown: unknown): LibraryError | undefined {
  return chainOf(thrown as LibraryError).find(({ apiId }) => apiId !== undefined)
}

/** The answer that came with the refusals of a part of it. */
export function answerOf<Answer>(thrown: unknown): Answer | undefined {
  return (thrown as LibraryError).response as Answer | undefined
}

/** Whether the connection itself may be at fault. */
export function isConnectionFault(error: DriverError): boolean {
  return isDriverError(error, 'temporary') && error.cause !== undefined && refusalOf(error.cause) === undefined
}

function kindOf(chain: readonly LibraryError[], refusal: LibraryError | undefined): DriverErrorKind {
  if (chain.some(({ code }) => code === 'PLT_KFK_AUTHENTICATION')) return 'authentication'
  if (chain.some(({ code }) => code === 'PLT_KFK_UNSUPPORTED_COMPRESSION')) return 'codec'
  if (chain.some(({ message }) => message.startsWith('SASL mechanism'))) return 'authentication'
  if (refusal === undefined) return 'temporary'
  return errorKinds[refusal.apiId ?? ''] ?? (refusal.canRetry === true ? 'temporary' : 'refused')
}

/** From the outside to the inside, the first of several at each step. */
function chainOf(error: LibraryError): readonly LibraryError[] {
  const next = (error.errors?.[0] ?? error.cause) as LibraryError | undefined
  return next instanceof Error ? [error, ...chainOf(next)] : [error]
}

function detailOf({ serverErrorMessage }: LibraryError): string {
  return typeof serverErrorMessage === 'string' && serverErrorMessage !== '' ? ` ${serverErrorMessage}` : ''
}
