import { WrongExpectedVersionError } from '../errors.js'
import type { ExpectedVersion } from '../ports/event-store.js'

/** Where a stream is. A deleted one keeps its version, so that no version is used twice. */
export interface StreamState {
  /** Of the newest event that it ever had; 0 where it had none. */
  readonly version: number
  /** The version at which it was last deleted, else 0: versions go on after it. */
  readonly before: number
  readonly deleted: boolean
}

/** Whether an append may go on. A deleted stream is no stream; its name starts over at version 1 only for an expected 0. */
export function isExpected(expected: ExpectedVersion, { version, deleted }: StreamState): boolean {
  if (expected === 'any') return true
  if (expected === 'no-stream') return version === 0 || deleted
  if (expected === 'stream-exists') return version > 0 && !deleted
  return expected === version || (expected === 0 && deleted)
}

/** Whether events that are there already, from `firstVersion` on, were appended with this expectation. */
export function wasExpected(expected: ExpectedVersion, firstVersion: number, { before }: StreamState): boolean {
  if (expected === 'any' || expected === 'stream-exists') return true
  return firstVersion === (expected === 'no-stream' ? before : expected) + 1
}

export function conflict(stream: string, expected: ExpectedVersion, { version, deleted }: StreamState): WrongExpectedVersionError {
  return new WrongExpectedVersionError(stream, expected, deleted && typeof expected === 'string' ? 0 : version)
}
