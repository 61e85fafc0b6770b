import { DriverError, type DriverErrorKind } from '../driver.js'

const kinds: Readonly<Record<string, DriverErrorKind>> = {
  REBALANCE_IN_PROGRESS: 'rebalancing',
  ILLEGAL_GENERATION: 'rebalancing',
  UNKNOWN_MEMBER_ID: 'fenced',
  FENCED_INSTANCE_ID: 'fenced',
  NON_EMPTY_GROUP: 'group-busy',
  MESSAGE_TOO_LARGE: 'too-large',
  RECORD_LIST_TOO_LARGE: 'too-large',
  UNKNOWN_TOPIC_OR_PARTITION: 'unknown-topic',
  TOPIC_ALREADY_EXISTS: 'topic-exists',
  OFFSET_OUT_OF_RANGE: 'out-of-range',
  SASL_AUTHENTICATION_FAILED: 'authentication',
  UNSUPPORTED_SASL_MECHANISM: 'authentication',
}

interface KafkaJsError extends Error {
  readonly type?: string
  readonly retriable?: boolean
  readonly cause?: unknown
  readonly errors?: readonly KafkaJsError[]
}

/** An error of kafkajs as one of ours. The message is kept; nothing that could hold a secret is. */
export function driverError(thrown: unknown, sent = false): DriverError {
  if (thrown instanceof DriverError) return thrown
  const error = rootOf(thrown as KafkaJsError)
  const message = error.message ?? String(thrown)
  return new DriverError(kindOf(error), message, { cause: error, sent })
}

function rootOf(error: KafkaJsError): KafkaJsError {
  if (error.name === 'KafkaJSAggregateError' && error.errors?.[0] !== undefined) return rootOf(error.errors[0])
  if (error.type === undefined && error.cause instanceof Error && error.name !== 'KafkaJSSASLAuthenticationError')
    return rootOf(error.cause)
  return error
}

function kindOf(error: KafkaJsError): DriverErrorKind {
  const known = error.type === undefined ? undefined : kinds[error.type]
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
