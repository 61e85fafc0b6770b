/**
 * What members of a consumer group send each other through the server, in the form that Kafka's own tools read (ConsumerProtocol, version 0):
 * the topics, the partitions of each, and bytes of ours.
 */
const version = 0

export function encodeSubscription(topics: readonly string[], data: Buffer): Buffer {
  return Buffer.concat([int16(version), int32(topics.length), ...topics.flatMap(text), int32(data.length), data])
}

/** The bytes of ours in it; none where it is of a client that is not ours. */
export function decodeSubscription(subscription: Buffer): Buffer {
  return new BytesReader(subscription).data((reader) => reader.text())
}

export function encodeAssignment(topics: readonly string[], partitions: readonly number[], data: Buffer): Buffer {
  const each = topics.flatMap((topic) => [...text(topic), int32(partitions.length), ...partitions.map(int32)])
  return Buffer.concat([int16(version), int32(topics.length), ...each, int32(data.length), data])
}

/** The bytes of ours in it; none where there is no assignment. */
export function decodeAssignment(assignment: Buffer): Buffer {
  return new BytesReader(assignment).data((reader) => {
    reader.text()
    for (let count = reader.int32(); count > 0; count--) reader.int32()
  })
}

class BytesReader {
  readonly #bytes: Buffer
  #at = 2

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** What follows a list whose entries are skipped. */
  data(skip: (reader: this) => void): Buffer {
    if (this.#bytes.length === 0) return this.#bytes
    for (let count = this.int32(); count > 0; count--) skip(this)
    const length = this.int32()
    return this.#bytes.subarray(this.#at, this.#at + Math.max(0, length))
  }

  int32(): number {
    this.#at += 4
    return this.#bytes.readInt32BE(this.#at - 4)
  }

  text(): void {
    this.#at += 2 + this.#bytes.readInt16BE(this.#at)
  }
}

function text(value: string): readonly Buffer[] {
  const bytes = Buffer.from(value)
  return [int16(bytes.length), bytes]
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
