import type { OutgoingRecord } from '../driver.js'

/** A partition of a topic, and the node that leads it; below zero while there is none. */
export interface PartitionLeader {
  readonly partitionId: number
  readonly leader: number
}

/** Where a record goes that does not say so: by its key as Kafka's own clients do it; without a key each in turn, where there is a leader. */
export class Partitioner {
  readonly #turns = new Map<string, number>()

  partitionOf({ topic, partition, key }: OutgoingRecord, partitions: readonly PartitionLeader[]): number {
    if (partition !== undefined) return partition
    if (key !== null) return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % partitions.length
    const turn = this.#turns.get(topic) ?? Math.floor(Math.random() * partitions.length)
    this.#turns.set(topic, turn + 1)
    const available = partitions.filter(({ leader }) => leader >= 0)
    return available[turn % available.length]?.partitionId ?? turn % partitions.length
  }
}

const seed = 0x9747b28c
const multiplier = 0x5bd1e995

/** Austin Appleby's MurmurHash2 of 32 bits, with the seed that Kafka's clients use. */
export function murmur2(bytes: Buffer): number {
  const { length } = bytes
  let hash = seed ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let block = Math.imul(bytes.readInt32LE(at), multiplier)
    block = Math.imul(block ^ (block >>> 24), multiplier)
    hash = Math.imul(hash, multiplier) ^ block
  }
  if (at < length) {
    for (let index = length - 1; index >= at; index--) hash ^= (bytes[index] ?? 0) << (8 * (index - at))
    hash = Math.imul(hash, multiplier)
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return hash ^ (hash >>> 15)
}
