import { DriverError, type OutgoingRecord } from '../driver.js'
import type { Partitioner, PartitionLeader } from './partitions.js'
import { type Checksum, RecordWriter } from './record-writer.js'

const acksOfAll = -1
/** How long the broker may take to gather its replicas' answers. */
const replicationTimeoutMs = 15_000

/** Of Kafka 2.1, and known to every later one. What is written here is of this version. */
export const produceVersion = 7

/** What a produce request must know of the cluster. */
export interface ProduceRouting {
  readonly partitioner: Partitioner
  readonly checksum: Checksum
  partitions(topic: string): readonly PartitionLeader[]
}

/** A produce request for one node. */
export interface ProduceRequest {
  readonly node: number
  readonly body: Buffer
  readonly batches: readonly PartitionBatch[]
}

export interface PartitionBatch {
  readonly topic: string
  readonly partition: number
  readonly records: readonly OutgoingRecord[]
}

/** One request for each node that leads a partition of these. */
export function produceRequests(records: readonly OutgoingRecord[], routing: ProduceRouting): readonly ProduceRequest[] {
  const leaders = new Map<number, Map<string, Map<number, OutgoingRecord[]>>>()
  for (const record of records) {
    const { topic } = record
    const partitions = routing.partitions(topic)
    const partition = routing.partitioner.partitionOf(record, partitions)
    const leader = partitions.find(({ partitionId }) => partitionId === partition)?.leader
    if (leader === undefined || leader < 0) throw new DriverError('temporary', `Partition ${partition} of ${topic} has no leader.`)
    const topics = entryOf(leaders, leader, () => new Map<string, Map<number, OutgoingRecord[]>>())
    entryOf(
      entryOf(topics, topic, () => new Map<number, OutgoingRecord[]>()),
      partition,
      () => [],
    ).push(record)
  }
  return [...leaders].map(([node, topics]) => ({
    node,
    body: bodyOf(topics, routing.checksum),
    batches: [...topics].flatMap(([topic, partitions]) =>
      [...partitions].map(([partition, batch]) => ({ topic, partition, records: batch })),
    ),
  }))
}

function bodyOf(topics: ReadonlyMap<string, ReadonlyMap<number, readonly OutgoingRecord[]>>, checksum: Checksum): Buffer {
  const writer = new RecordWriter(checksum)
  const now = Date.now()
  // no transaction
  writer.int16(-1)
  writer.int16(acksOfAll)
  writer.int32(replicationTimeoutMs)
  writer.int32(topics.size)
  for (const [topic, partitions] of topics) {
    writer.string(topic)
    writer.int32(partitions.size)
    for (const [partition, records] of partitions) {
      writer.int32(partition)
      writer.batch(records, now)
    }
  }
  return writer.bytes
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}
