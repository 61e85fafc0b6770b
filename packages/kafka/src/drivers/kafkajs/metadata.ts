import { DriverError } from '../driver.js'
import { driverError } from './errors.js'
import type { KafkaJsCluster } from './internals.js'

/** Sees to it that the cluster can say who leads these topics. */
export async function know(cluster: KafkaJsCluster, topics: readonly string[]): Promise<void> {
  await cluster.addMultipleTargetTopics([...topics])
  await refreshed(cluster, topics, () => cluster.refreshMetadataIfNecessary())
  // one that was forgotten after an error of another may be known by name only
  const isMissing = (topic: string): boolean => cluster.findTopicPartitionMetadata(topic).length === 0
  if (topics.some(isMissing)) await cluster.refreshMetadata()
  if (topics.some(isMissing)) throw new DriverError('temporary', `Kafka does not tell of ${topics.filter(isMissing).join(', ')} yet.`)
}

/** What is remembered of a topic may be of one that was deleted since. */
export function freshly(cluster: KafkaJsCluster, topic: string): Promise<void> {
  return refreshed(cluster, [topic], () => cluster.refreshMetadata())
}

async function refreshed(cluster: KafkaJsCluster, topics: readonly string[], refresh: () => Promise<void>): Promise<void> {
  try {
    await refresh()
  } catch (error) {
    // one of them is gone, and this is the way to learn whether it is one of these
    if (driverError(error).kind !== 'unknown-topic') throw error
    cluster.targetTopics.clear()
    await cluster.addMultipleTargetTopics([...topics])
  }
}
