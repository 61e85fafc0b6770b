import { Partitioners } from 'kafkajs'
import { DriverError, type Fetched, type IncomingRecord, type OutgoingRecord } from '../driver.js'
import { type KafkaJsCluster, type RawFetched, withoutAborted } from './internals.js'
import { RecordWriter } from './record-writer.js'

const acksOfAll = -1
const partitionOf = Partitioners.DefaultPartitioner()

/** The body of the produce request for each node. */
export function produceBodies(cluster: KafkaJsCluster, records: readonly OutgoingRecord[], timeoutMs: number): Map<string, Buffer> {
  const leaders = new Map<string, Map<string, Map<number, OutgoingRecord[]>>>()
  for (const record of records) {
    const { topic, key, value } = record
    const partitionMetadata = cluster.findTopicPartitionMetadata(topic)
    const partition = record.partition ?? partitionOf({ topic, partitionMetadata, message: { key, value } })
    const leader = partitionMetadata.find(({ partitionId }) => partitionId === partition)?.leader
    if (leader === undefined || leader < 0) throw new DriverError('temporary', `Partition ${partition} of ${topic} has no leader.`)
    const topics = entryOf(leaders, String(leader), () => new Map<string, Map<number, OutgoingRecord[]>>())
    entryOf(
      entryOf(topics, topic, () => new Map<number, OutgoingRecord[]>()),
      partition,
      () => [],
    ).push(record)
  }
  return new Map([...leaders].map(([leader, topics]) => [leader, bodyOf(topics, timeoutMs)]))
}

function bodyOf(topics: ReadonlyMap<string, ReadonlyMap<number, readonly OutgoingRecord[]>>, timeoutMs: number): Buffer {
  const writer = new RecordWriter()
  const now = Date.now()
  // no transaction
  writer.int16(-1)
  writer.int16(acksOfAll)
  writer.int32(timeoutMs)
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
