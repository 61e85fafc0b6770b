import { type Message, Partitioners } from 'kafkajs'
import { DriverError, type Fetched, type IncomingRecord, type OutgoingRecord } from '../driver.js'
import { type KafkaJsCluster, type RawFetched, type RawTopicData, withoutAborted } from './internals.js'

const partitionOf = Partitioners.DefaultPartitioner()

/** What to send to each node. */
export function byLeader(cluster: KafkaJsCluster, records: readonly OutgoingRecord[]): Map<string, RawTopicData> {
  const leaders = new Map<string, Map<string, Map<number, Message[]>>>()
  for (const { topic, partition: chosen, key, value, headers } of records) {
    const message: Message = { key, value, headers: headers as Record<string, string | Buffer> }
    const partitionMetadata = cluster.findTopicPartitionMetadata(topic)
    const partition = chosen ?? partitionOf({ topic, partitionMetadata, message })
    const leader = partitionMetadata.find(({ partitionId }) => partitionId === partition)?.leader
    if (leader === undefined || leader < 0) throw new DriverError('temporary', `Partition ${partition} of ${topic} has no leader.`)
    const topics = entryOf(leaders, String(leader), () => new Map<string, Map<number, Message[]>>())
    entryOf(
      entryOf(topics, topic, () => new Map<number, Message[]>()),
      partition,
      () => [],
    ).push(message)
  }
  const data = [...leaders].map(([leader, topics]): [string, RawTopicData] => [
    leader,
    [...topics].map(([topic, partitions]) => ({
      topic,
      partitions: [...partitions].map(([partition, messages]) => ({ partition, messages })),
    })),
  ])
  return new Map(data)
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
