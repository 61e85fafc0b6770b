const marker = Symbol.for('interline.error')

export interface ErrorDetails {
  readonly cause?: unknown
}

/**
 * The base of every error that Interline throws. `code` is stable and meant for programs; the message says what happened, to which
 * thing, and what to do next. Recognise one with `isInterlineError`, which also holds where two copies of a package are installed.
 */
export abstract class InterlineError extends Error {
  abstract readonly code: string
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean = false

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    Object.defineProperty(this, marker, { value: true })
  }
}

export function isInterlineError(value: unknown): value is InterlineError {
  return typeof value === 'object' && value !== null && marker in value
}

/** Whatever was thrown, as an Error: a thrown string or object becomes its message, with the original as `cause`. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  let text: string
  try {
    text = typeof thrown === 'string' ? thrown : (JSON.stringify(thrown) ?? String(thrown))
  } catch (unprintable) {
    text = `a thrown ${typeof thrown} that cannot be printed (${String(unprintable)})`
  }
  return new Error(text, { cause: thrown })
}

/** An option or a key of the configuration is wrong. */
export class ConfigurationError extends InterlineError {
  override readonly code = 'INTERLINE_CONFIGURATION'
}

/** Something that is not an event was given, or its type can't be found. */
export class InvalidEventError extends InterlineError {
  override readonly code = 'INTERLINE_INVALID_EVENT'
}

export interface ValidationIssue {
  readonly message: string
  readonly path: string
}

/** An event's data does not fit its schema. Never retried. */
export class ValidationError extends InterlineError {
  override readonly code = 'INTERLINE_VALIDATION'
  readonly issues: readonly ValidationIssue[]

  constructor(message: string, issues: readonly ValidationIssue[], details?: ErrorDetails) {
    super(message, details)
    this.issues = issues
  }
}

/** Data that cannot be put on the wire. */
export class EncodeError extends InterlineError {
  override readonly code = 'INTERLINE_ENCODE'
}

/** A message that cannot be read. It becomes a dead letter. */
export class DecodeError extends InterlineError {
  override readonly code = 'INTERLINE_DECODE'
}

export class EventTooLargeError extends InterlineError {
  override readonly code = 'INTERLINE_EVENT_TOO_LARGE'
}

/** The broker or store can't do what was asked. Says who can, or what to set. */
export class UnsupportedFeatureError extends InterlineError {
  override readonly code = 'INTERLINE_UNSUPPORTED'
}

export class ConnectionError extends InterlineError {
  override readonly code = 'INTERLINE_CONNECTION'
  override readonly retryable: boolean = true
}

/** A call on something that was closed. */
export class ClosedError extends InterlineError {
  override readonly code = 'INTERLINE_CLOSED'
}

export interface PublishErrorDetails extends ErrorDetails {
  /** `failed`: certainly not stored. `unknown`: perhaps stored; publish again with the same event, whose id makes it one. */
  readonly outcome?: 'failed' | 'unknown' | undefined
  /** Which messages of the batch, by index; all where it is not said. */
  readonly failed?: readonly number[] | undefined
}

export class PublishError extends InterlineError {
  override readonly code = 'INTERLINE_PUBLISH'
  override readonly retryable: boolean = true
  readonly outcome: 'failed' | 'unknown'
  readonly failed: readonly number[] | undefined

  constructor(message: string, details: PublishErrorDetails = {}) {
    super(message, details)
    this.outcome = details.outcome ?? 'failed'
    this.failed = details.failed
  }
}

/** A handler ran longer than its `timeoutMs`. */
export class HandlerTimeoutError extends InterlineError {
  override readonly code = 'INTERLINE_HANDLER_TIMEOUT'
  override readonly retryable: boolean = true
}

export class SubscriptionError extends InterlineError {
  override readonly code = 'INTERLINE_SUBSCRIPTION'
}

export class StoreNotConfiguredError extends InterlineError {
  override readonly code = 'INTERLINE_STORE_NOT_CONFIGURED'
}

export class WrongExpectedVersionError extends InterlineError {
  override readonly code = 'INTERLINE_WRONG_EXPECTED_VERSION'
  override readonly retryable: boolean = true
  readonly stream: string
  readonly expected: number | string
  readonly actual: number

  constructor(stream: string, expected: number | string, actual: number) {
    super(`Stream "${stream}" is at version ${actual}, and ${expected} was expected. Load it again and decide anew.`)
    this.stream = stream
    this.expected = expected
    this.actual = actual
  }
}
