import type { Fetched, IncomingRecord } from '../driver.js'
import { type RawFetched, withoutAborted } from './internals.js'

/** A fetched partition, without what an aborted transaction wrote and without the marks of transactions. */
export function readFetched(topic: string, found: RawFetched['responses'][0]['partitions'][0], from: number): readonly Fetched[] {
  const { partition, messages } = found
  const last = messages.at(-1)
  if (last === undefined) return []
  const context = last.batchContext
  const end = context === undefined ? Number(last.offset) : Number(context.firstOffset) + context.lastOffsetDelta
  const records: IncomingRecord[] = []
  // a batch comes as a whole, also where it was asked for from its middle
  const wanted = messages.filter(({ offset }) => Number(offset) >= from)
  for (const record of withoutAborted({ messages: wanted, abortedTransactions: found.abortedTransactions ?? [] })) {
    if (record.isControlRecord === true) continue
    records.push({ offset: Number(record.offset), key: record.key, value: record.value, headers: record.headers })
  }
  return [{ topic, partition, records, next: Math.max(end + 1, from) }]
}
