import type { OutgoingRecord } from '../driver.js'

/** The checksum of bytes as Kafka wants it (Castagnoli). */
export type Checksum = (bytes: Buffer) => number

const magic = 2
const noProducer = -1n
/** From the base offset to the checksum; the checksum covers what follows. */
const crcOffset = 17

/**
 * Writes a produce request's body and its record batches (KIP-98, message format 2) into one buffer. The client libraries make a buffer for
 * every header of every record, which costs more than all the rest of a publish.
 */
export class RecordWriter {
  readonly #checksum: Checksum
  #buffer = Buffer.allocUnsafe(64 * 1024)
  #at = 0

  constructor(checksum: Checksum) {
    this.#checksum = checksum
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  int8(value: number): void {
    this.#reserve(1)
    this.#at = this.#buffer.writeInt8(value, this.#at)
  }

  int16(value: number): void {
    this.#reserve(2)
    this.#at = this.#buffer.writeInt16BE(value, this.#at)
  }

  int32(value: number): void {
    this.#reserve(4)
    this.#at = this.#buffer.writeInt32BE(value, this.#at)
  }

  int64(value: bigint): void {
    this.#reserve(8)
    this.#at = this.#buffer.writeBigInt64BE(value, this.#at)
  }

  string(value: string): void {
    this.int16(Buffer.byteLength(value))
    this.#text(value)
  }

  /** One partition's records, as a batch with its size before it. */
  batch(records: readonly OutgoingRecord[], now: number): void {
    const sizeAt = this.#at
    this.int32(0)
    const start = this.#at
    this.int64(0n)
    this.int32(0)
    this.int32(0)
    this.int8(magic)
    this.int32(0)
    this.int16(0)
    this.int32(records.length - 1)
    this.int64(BigInt(now))
    this.int64(BigInt(now))
    this.int64(noProducer)
    this.int16(0)
    this.int32(0)
    this.int32(records.length)
    for (const [index, record] of records.entries()) this.#record(record, index)
    const end = this.#at
    this.#buffer.writeInt32BE(end - start, sizeAt)
    this.#buffer.writeInt32BE(end - start - 12, start + 8)
    this.#buffer.writeUInt32BE(this.#checksum(this.#buffer.subarray(start + crcOffset + 4, end)), start + crcOffset)
  }

  #record({ key, value, headers }: OutgoingRecord, index: number): void {
    // the length comes first and is known last: two bytes fit most records, others are moved
    const start = this.#at
    this.#reserve(2)
    this.#at += 2
    this.int8(0)
    this.#varint(0)
    this.#varint(index)
    this.#field(key)
    this.#field(value)
    let count = 0
    for (const _name in headers) count++
    this.#varint(count)
    for (const name in headers) {
      this.#field(name)
      this.#field(headers[name] ?? '')
    }
    const length = this.#at - start - 2
    const size = sizeOfVarint(length)
    if (size !== 2) {
      this.#reserve(size)
      this.#buffer.copyWithin(start + size, start + 2, this.#at)
    }
    this.#at = start
    this.#varint(length)
    this.#at += length
  }

  #field(value: string | Buffer | null): void {
    if (value === null) {
      this.#varint(-1)
      return
    }
    if (typeof value === 'string') {
      this.#varint(Buffer.byteLength(value))
      this.#text(value)
      return
    }
    this.#varint(value.length)
    this.#reserve(value.length)
    this.#at += value.copy(this.#buffer, this.#at)
  }

  #text(value: string): void {
    this.#reserve(value.length * 3)
    this.#at += this.#buffer.write(value, this.#at, 'utf8')
  }

  #varint(value: number): void {
    this.#reserve(5)
    let rest = zigzag(value)
    while (rest > 127) {
      this.#buffer[this.#at++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.#buffer[this.#at++] = rest
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0
}

function sizeOfVarint(value: number): number {
  let size = 1
  for (let rest = zigzag(value); rest > 127; rest >>>= 7) size++
  return size
}
