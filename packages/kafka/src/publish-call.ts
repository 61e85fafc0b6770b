import { EventTooLargeError, isInterlineError, PublishError, toError } from '@interline/core'
import { isDriverError, type OutgoingRecord } from './drivers/driver.js'

/** So many records, or so many bytes, go out in one request, where it is not one event alone that is larger. */
const maxRecords = 1_000
const maxBytes = 900_000

/** One call of `publish`, until it is answered. */
export interface Call {
  readonly all: readonly OutgoingRecord[]
  /** Not stored yet. */
  left: readonly OutgoingRecord[]
  readonly until: number
  sent: boolean
  readonly settled: boolean
  settle(error?: Error): void
}

/** How many calls, from the first on, fit into one request. */
export function fitting(calls: readonly Call[]): number {
  let records = 0
  let bytes = 0
  for (const [index, { left }] of calls.entries()) {
    records += left.length
    for (const record of left) bytes += sizeOf(record)
    if (index > 0 && (records > maxRecords || bytes > maxBytes)) return index
  }
  return calls.length
}

/** The requests that a call takes. */
export function requestsOf(records: readonly OutgoingRecord[]): readonly (readonly OutgoingRecord[])[] {
  const requests: (readonly OutgoingRecord[])[] = []
  let start = 0
  let bytes = 0
  for (const [index, record] of records.entries()) {
    const size = sizeOf(record)
    if (index > start && (index - start >= maxRecords || bytes + size > maxBytes)) {
      requests.push(records.slice(start, index))
      start = index
      bytes = 0
    }
    bytes += size
  }
  return start === 0 ? [records] : [...requests, records.slice(start)]
}

/** What is stored is not sent again when the rest is. */
export function takeOut(calls: readonly Call[], stored: ReadonlySet<OutgoingRecord>): void {
  if (stored.size === 0) return
  for (const call of calls) {
    call.left = call.left.filter((record) => !stored.has(record))
    if (call.left.length === 0) call.settle()
  }
}

/** A part of a call, to find out what of it can't be stored. */
export function partOf(call: Call, left: readonly OutgoingRecord[], refused: Map<OutgoingRecord, Error>): Call {
  let isSettled = false
  return {
    all: left,
    left,
    until: call.until,
    sent: call.sent,
    get settled() {
      return isSettled || call.settled
    },
    settle(error) {
      isSettled = true
      if (error === undefined) return
      const failed = error instanceof PublishError ? error.failed : undefined
      const cause = failed === undefined ? error : toError(error.cause)
      for (const [index, record] of left.entries()) if (failed?.includes(index) !== false) refused.set(record, cause)
    },
  }
}

/** Answers a call of which these could not be stored, with their indexes where others are. */
export function settleWith(call: Call, refused: ReadonlyMap<OutgoingRecord, Error>): void {
  const [error] = refused.values()
  if (error === undefined || refused.size === call.all.length) {
    call.settle(error)
    return
  }
  const failed = call.all.flatMap((record, index) => (refused.has(record) ? [index] : []))
  const outcome = [...refused.values()].some((each) => each instanceof PublishError && each.outcome === 'unknown') ? 'unknown' : 'failed'
  call.settle(new PublishError(error.message, { cause: error, failed, outcome }))
}

function sizeOf({ value, headers }: OutgoingRecord): number {
  let bytes = 64 + (typeof value === 'string' ? Buffer.byteLength(value) : (value?.length ?? 0))
  for (const name in headers) bytes += name.length + (headers[name]?.length ?? 0) + 4
  return bytes
}

/** What the caller is told when there is no hope left. */
export function failure(error: Error, sent: boolean): Error {
  if (isInterlineError(error)) return error
  if (isDriverError(error, 'too-large')) {
    return new EventTooLargeError(
      `Kafka refused an event for its size: ${error.message} Keep the large part elsewhere, or raise max.message.bytes of the topic.`,
      { cause: error },
    )
  }
  return sent
    ? new PublishError(`Kafka did not answer, and the events may have been stored: ${error.message} Publish the same events again.`, {
        cause: error,
        outcome: 'unknown',
      })
    : new PublishError(`Kafka stored nothing: ${error.message}`, { cause: error, outcome: 'failed' })
}
