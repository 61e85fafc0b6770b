import { DecodeError, EncodeError, InterlineError, toError } from '../errors.js'
import { jsonCodec } from '../wire/json-codec.js'

type Outcome = { readonly result?: unknown } | { readonly error: { readonly name: string; readonly message: string } }

/** An operation failed before, and it was asked for that this is remembered. */
export class OperationFailedError extends InterlineError {
  override readonly code = 'INTERLINE_OPERATION_FAILED'
  /** The name of the error that it failed with. */
  readonly failure: string

  constructor(operation: string, failure: string, message: string) {
    super(`"${operation}" failed when it was run, and is not run again: ${message}`)
    this.failure = failure
  }
}

/** Throws EncodeError for a result that can't be kept. */
export function resultOutcome(operation: string, result: unknown): string {
  try {
    return String(jsonCodec.encode({ result } satisfies Outcome))
  } catch (thrown) {
    throw new EncodeError(
      `"${operation}" was done, and its result can't be kept: ${toError(thrown).message} Return what JSON can carry, or nothing.`,
      { cause: thrown },
    )
  }
}

export function errorOutcome({ name, message }: Error): string {
  return JSON.stringify({ error: { name, message } } satisfies Outcome)
}

/** The first result, as every caller gets it. Throws OperationFailedError where it failed. */
export function readOutcome(operation: string, text: string): unknown {
  const outcome = jsonCodec.decode(text) as Outcome | null
  if (typeof outcome !== 'object' || outcome === null) throw new DecodeError(`What is kept of "${operation}" can't be read.`)
  if ('error' in outcome) throw new OperationFailedError(operation, outcome.error.name, outcome.error.message)
  return outcome.result
}
