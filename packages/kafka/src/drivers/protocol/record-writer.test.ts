import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import type { OutgoingRecord } from '../driver.js'
import { crc32C } from '../kafkajs/internals.js'
import { RecordWriter } from './record-writer.js'

const load = createRequire(import.meta.url)
const Decoder = load('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => object
const decodeBatch = load('kafkajs/src/protocol/recordBatch/v0/decoder.js') as (decoder: object) => Promise<{
  readonly records: readonly {
    readonly offset: string
    readonly key: Buffer | null
    readonly value: Buffer | null
    readonly headers: object
  }[]
}>

const record = (value: string | null, more: Partial<OutgoingRecord> = {}): OutgoingRecord => ({
  topic: 'orders',
  key: null,
  value,
  headers: {},
  ...more,
})

test('kafkajs reads what is written here, at every size of a length', async () => {
  const sizes = [0, 1, 40, 55, 56, 57, 63, 64, 8_170, 8_180, 8_181, 8_182, 8_192, 70_000, 1_100_000]
  const records = [
    ...sizes.map((size) => record('x'.repeat(size))),
    record(null),
    record('żółw', { key: 'klucz 🗝', headers: { ce_id: 'äöü', empty: '', bytes: Buffer.from([0, 255]) } }),
    record('last', { key: Buffer.from([1, 2]) }),
  ]
  const writer = new RecordWriter(crc32C)
  writer.batch(records, 1_732_199_999_000)
  expect(writer.bytes.readInt32BE(0)).toBe(writer.bytes.length - 4)
  const read = await decodeBatch(new Decoder(Buffer.from(writer.bytes.subarray(4))))
  const text = (value: string | Buffer | null): string | null => (value === null ? null : Buffer.from(value).toString('base64'))
  expect(read.records.map(({ offset, key, value }) => [Number(offset), text(key), text(value)])).toEqual(
    records.map(({ key, value }, index) => [index, text(key), text(value)]),
  )
  expect(read.records.at(-2)?.headers).toEqual({ ce_id: Buffer.from('äöü'), empty: Buffer.from(''), bytes: Buffer.from([0, 255]) })
})
