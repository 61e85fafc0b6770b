import type { RecordsBatch } from '@platformatic/kafka'
import { expect, test } from 'vitest'
import { readFetched } from './fetched.js'

const transactional = 16
const control = 32

function batch(firstOffset: number, values: readonly string[], more: Partial<RecordsBatch> = {}): RecordsBatch {
  const records = values.map((value, offsetDelta) => ({
    length: 0,
    attributes: 0,
    timestampDelta: 0n,
    offsetDelta,
    key: null,
    value: Buffer.from(value),
    headers: [] as [Buffer | null, Buffer | null][],
  }))
  const rest = { length: 0, partitionLeaderEpoch: 0, crc: 0, firstTimestamp: 0n, maxTimestamp: 0n, producerEpoch: 0, firstSequence: 0 }
  return {
    ...rest,
    firstOffset: BigInt(firstOffset),
    magic: 2,
    attributes: 0,
    lastOffsetDelta: values.length - 1,
    producerId: -1n,
    records,
    ...more,
  }
}

/** The mark that ends a transaction: 0 aborted, 1 committed. */
function mark(offset: number, producerId: bigint, type: 0 | 1): RecordsBatch {
  const made = batch(offset, [''], { attributes: control | transactional, producerId })
  return { ...made, records: made.records.map((record) => ({ ...record, key: Buffer.from([0, 0, 0, type]) })) }
}

function read(
  records: RecordsBatch[],
  aborted: [bigint, bigint][] = [],
  from = 0,
): { offsets: number[]; values: string[]; next: number | undefined } {
  const abortedTransactions = aborted.map(([producerId, firstOffset]) => ({ producerId, firstOffset }))
  const rest = { partitionIndex: 0, errorCode: 0, highWatermark: 0n, lastStableOffset: 0n, logStartOffset: 0n, preferredReadReplica: -1 }
  const [fetched] = readFetched('orders', { ...rest, abortedTransactions, records }, from)
  const found = fetched?.records ?? []
  return { offsets: found.map(({ offset }) => offset), values: found.map(({ value }) => String(value)), next: fetched?.next }
}

test('a batch that is asked for from its middle gives what was asked for', () => {
  expect(read([batch(10, ['a', 'b', 'c'])], [], 11)).toEqual({ offsets: [11, 12], values: ['b', 'c'], next: 13 })
})

test('only what a producer wrote in the transaction that it aborted is left out', () => {
  const own = { attributes: transactional, producerId: 7n }
  const other = { attributes: transactional, producerId: 8n }
  const log = [
    batch(0, ['committed'], own),
    mark(1, 7n, 1),
    batch(2, ['aborted'], own),
    batch(3, ['of another'], other),
    batch(4, ['plain'], { producerId: 7n }),
    batch(5, ['aborted too'], own),
    mark(6, 7n, 0),
    batch(7, ['after'], own),
    mark(8, 7n, 1),
    mark(9, 8n, 1),
  ]
  expect(read(log, [[7n, 2n]])).toEqual({ offsets: [0, 3, 4, 7], values: ['committed', 'of another', 'plain', 'after'], next: 10 })
})

test('where compaction left nothing of a batch, the position goes on behind it', () => {
  expect(read([batch(5, [], { lastOffsetDelta: 3 })], [], 5)).toEqual({ offsets: [], values: [], next: 9 })
})

test('a header that is there twice counts once, and a name is nobody’s prototype', () => {
  const made = batch(0, ['a'])
  const pairs = [
    ['one', 'first'],
    ['one', 'second'],
    ['__proto__', 'x'],
  ].map((pair) => pair.map((text) => Buffer.from(text)) as [Buffer, Buffer])
  const [fetched] = readFetched(
    'orders',
    {
      partitionIndex: 0,
      errorCode: 0,
      highWatermark: 0n,
      lastStableOffset: 0n,
      logStartOffset: 0n,
      preferredReadReplica: -1,
      abortedTransactions: null,
      records: [{ ...made, records: made.records.map((record) => ({ ...record, headers: pairs })) }],
    },
    0,
  )
  expect(Object.entries(fetched?.records[0]?.headers ?? {}).map(([name, value]) => `${name}=${String(value)}`)).toEqual([
    'one=first',
    '__proto__=x',
  ])
})

test('records of the old message formats are told as what can not be read', () => {
  expect(() => read([batch(0, ['a'], { magic: 1 })])).toThrow(/message format 1/)
})
