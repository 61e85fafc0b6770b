import { DriverError, type DriverErrorKind } from '../driver.js'
import { errorKinds, mayBeStored } from '../protocol/error-kinds.js'

interface KafkaJsError extends Error {
  readonly type?: string
  readonly retriable?: boolean
  readonly cause?: unknown
  readonly errors?: readonly KafkaJsError[]
}

/** An error of kafkajs as one of ours; `sent` where the request was on its way: it may have been carried out, but for what was refused before. The message is kept; nothing that could hold a secret is. */
export function driverError(thrown: unknown, sent = false): DriverError {
  if (thrown instanceof DriverError) return thrown
  const error = rootOf(thrown as KafkaJsError)
  const message = error.message ?? String(thrown)
  const kind = kindOf(error)
  return new DriverError(kind, message, { cause: error, sent: sent && mayBeStored(kind, error.type) })
}

function rootOf(error: KafkaJsError): KafkaJsError {
  if (error.name === 'KafkaJSAggregateError' && error.errors?.[0] !== undefined) return rootOf(error.errors[0])
  if (error.type === undefined && error.cause instanceof Error && error.name !== 'KafkaJSSASLAuthenticationError')
    return rootOf(error.cause)
  return error
}

function kindOf(error: KafkaJsError): DriverErrorKind {
  const known = error.type === undefined ? undefined : errorKinds[error.type]
  if (known !== undefined) return known
  if (error.name === 'KafkaJSSASLAuthenticationError') return 'authentication'
  if (error.name === 'KafkaJSOffsetOutOfRange') return 'out-of-range'
  if (error.name === 'KafkaJSNotImplemented') return 'codec'
  if (error.type !== undefined && error.retriable === false) return 'refused'
  return 'temporary'
}

/** Whether the connection itself may be at fault, so that a fresh one is better than this. */
export function isConnectionFault(error: DriverError): boolean {
  const cause = error.cause as KafkaJsError | undefined
  return error.kind === 'temporary' && cause?.type === undefined
}
