import { isInterlineError } from '../../errors.js'

/** Thrown where the first events of a batch were handled, and the next one was not. */
export class BatchError extends Error {
  override readonly name = 'BatchError'
  readonly handled: number

  constructor(handled: number, cause: unknown) {
    super('An event of a batch was not handled.', { cause })
    this.handled = handled
  }
}

const final: ReadonlySet<string> = new Set(['INTERLINE_REJECT', 'INTERLINE_DECODE', 'INTERLINE_VALIDATION'])

/** Whether trying again can change nothing. */
export function isFinal(error: Error): boolean {
  return isInterlineError(error) && final.has(error.code)
}
