import type { KafkaRecord, RecordsBatch } from '@platformatic/kafka'
import { DriverError, type Fetched, type IncomingRecord } from '../driver.js'
import type { Library } from './library.js'

type FetchResponsePartition = Awaited<ReturnType<Library['fetchV11']['api']['async']>>['responses'][number]['partitions'][number]

const transactional = 1 << 4
const control = 1 << 5
const abortMark = 0
const currentFormat = 2

/** A fetched partition, without what an aborted transaction wrote and without the marks of transactions. */
export function readFetched(topic: string, found: FetchResponsePartition, from: number): readonly Fetched[] {
  const { partitionIndex: partition, records: batches, abortedTransactions } = found
  const last = batches?.at(-1)
  if (batches === null || last === undefined) return []
  const aborted = new AbortedTransactions(abortedTransactions ?? [])
  const records = batches.flatMap((batch) => (aborted.leavesOut(batch) ? [] : recordsOf(batch, from)))
  return [{ topic, partition, records, next: Math.max(Number(last.firstOffset) + last.lastOffsetDelta + 1, from) }]
}

/** A batch comes as a whole, also where it was asked for from its middle. */
function recordsOf(batch: RecordsBatch, from: number): readonly IncomingRecord[] {
  if (batch.magic !== currentFormat) {
    throw new DriverError('codec', `The records are of message format ${batch.magic}, which only Kafka before 0.11 wrote.`)
  }
  const first = Number(batch.firstOffset)
  const records: IncomingRecord[] = []
  for (const { offsetDelta, key, value, headers } of batch.records) {
    const offset = first + offsetDelta
    if (offset >= from) records.push({ offset, key, value, headers: headersOf(headers) })
  }
  return records
}

/** A header may be there more than once; the first one counts. */
function headersOf(pairs: KafkaRecord['headers']): IncomingRecord['headers'] {
  const headers: Record<string, Buffer> = Object.create(null) as Record<string, Buffer>
  for (const [name, value] of pairs) if (name !== null && value !== null) headers[name.toString()] ??= value
  return headers
}

/** The batches of a producer are left out from where the server says that it began what it aborted, to the mark of the end. */
class AbortedTransactions {
  readonly #waiting: { readonly producerId: bigint; readonly firstOffset: bigint }[]
  readonly #open = new Set<bigint>()

  constructor(list: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[]) {
    this.#waiting = [...list].sort((left, right) => (left.firstOffset < right.firstOffset ? -1 : 1))
  }

  leavesOut({ firstOffset, attributes, producerId, records }: RecordsBatch): boolean {
    for (let [next] = this.#waiting; next !== undefined && next.firstOffset <= firstOffset; [next] = this.#waiting) {
      this.#open.add(next.producerId)
      this.#waiting.shift()
    }
    if ((attributes & control) === 0) return (attributes & transactional) !== 0 && this.#open.has(producerId)
    // the mark's key: its version, then its type
    if (records[0]?.key?.readInt16BE(2) === abortMark) this.#open.delete(producerId)
    return true
  }
}
