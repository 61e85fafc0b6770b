import type { Admin, Kafka } from 'kafkajs'
import type {
  CommittedOffset,
  Fetched,
  FetchOptions,
  Joined,
  JoinRequest,
  KafkaClient,
  Member,
  MemberShare,
  OutgoingRecord,
  Position,
  TopicPlan,
} from '../driver.js'
import { DriverError, isDriverError } from '../driver.js'
import { Partitioner } from '../protocol/partitions.js'
import { produceAll } from '../protocol/produce.js'
import { type ProduceRouting, produceRequests } from '../protocol/produce-requests.js'
import { driverError, isConnectionFault } from './errors.js'
import { clusterOf, crc32C, type KafkaJsBroker, type KafkaJsCluster, type RawFetched, sendProduce } from './internals.js'
import { freshly, know } from './metadata.js'
import { readFetched } from './records.js'

const readCommitted = 1

/**
 * kafkajs' connections and protocol, without its producer and consumer: the producer loses silently after a send that failed, and the
 * consumer divides everything anew whenever somebody joins. A connection that failed is left to itself, and a fresh one made.
 */
export class KafkaJsClient implements KafkaClient {
  readonly #kafka: Kafka
  readonly #metadataMaxAgeMs: number
  readonly #partitioner = new Partitioner()
  #cluster: KafkaJsCluster | undefined
  #admin: { readonly admin: Admin; readonly ready: Promise<void> } | undefined
  #coordinators = new Map<string, KafkaJsBroker>()
  #closed = false

  constructor(kafka: Kafka, metadataMaxAgeMs: number) {
    this.#kafka = kafka
    this.#metadataMaxAgeMs = metadataMaxAgeMs
  }

  async connect(): Promise<void> {
    await this.#call((cluster) => cluster.refreshMetadataIfNecessary())
  }

  async close(): Promise<void> {
    this.#closed = true
    const [cluster, admin] = [this.#cluster, this.#admin]
    this.#cluster = undefined
    this.#admin = undefined
    await Promise.all([cluster?.disconnect(), admin?.ready.catch(() => undefined).then(() => admin.admin.disconnect())])
  }

  async reach(): Promise<void> {
    await this.#manage((admin) => admin.describeCluster())
  }

  topics(): Promise<readonly string[]> {
    return this.#manage((admin) => admin.listTopics())
  }

  async partitionCount(topic: string): Promise<number | undefined> {
    try {
      return await this.#call(async (cluster) => {
        await know(cluster, [topic])
        await freshly(cluster, topic)
        return cluster.findTopicPartitionMetadata(topic).length
      })
    } catch (error) {
      if (isDriverError(error, 'unknown-topic')) return undefined
      throw error
    }
  }

  async createTopic({ name, partitions, replicationFactor, settings }: TopicPlan): Promise<void> {
    const configEntries = Object.entries(settings).map(([setting, value]) => ({ name: setting, value }))
    const topics = [{ topic: name, numPartitions: partitions, replicationFactor, configEntries }]
    await this.#manage((admin) => admin.createTopics({ topics, waitForLeaders: false }))
  }

  async extendTopic(topic: string, partitions: number): Promise<void> {
    await this.#manage((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] }))
  }

  async produce(records: readonly OutgoingRecord[]): Promise<void> {
    await this.#call(async (cluster) => {
      await know(cluster, [...new Set(records.map(({ topic }) => topic))])
      const partitions: ProduceRouting['partitions'] = (topic) => cluster.findTopicPartitionMetadata(topic)
      const requests = produceRequests(records, { partitioner: this.#partitioner, checksum: crc32C, partitions })
      const brokers = await Promise.all(requests.map(({ node }) => cluster.findBroker({ nodeId: String(node) })))
      await produceAll(requests, async (request) => {
        const broker = brokers[requests.indexOf(request)] as KafkaJsBroker
        const refused = await sendProduce(broker, request.body).catch((error: unknown) => Promise.reject(driverError(error, true)))
        return refused.map(({ error, ...where }) => ({ ...where, error: driverError(error, true) }))
      })
    })
  }

  offsets(topic: string, at: 'earliest' | 'latest' | number): Promise<ReadonlyMap<number, number>> {
    return this.#call(async (cluster) => {
      await know(cluster, [topic])
      const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId }))
      const where = typeof at === 'number' ? { fromTimestamp: at } : { fromBeginning: at === 'earliest' }
      const [found] = await cluster.fetchTopicsOffset([
        { topic, partitions, ...where } as Parameters<typeof cluster.fetchTopicsOffset>[0][0],
      ])
      return new Map((found?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)]))
    })
  }

  leaders(positions: readonly Position[]): Promise<ReadonlyMap<string, readonly Position[]>> {
    return this.#call(async (cluster) => {
      await know(cluster, [...new Set(positions.map(({ topic }) => topic))])
      const found = new Map<string, Position[]>()
      for (const position of positions) {
        const [leader] = Object.keys(cluster.findLeaderForPartitions(position.topic, [position.partition]))
        if (leader === undefined) throw new DriverError('unknown-topic', `Partition ${position.partition} of ${position.topic} is gone.`)
        const list = found.get(leader)
        if (list === undefined) found.set(leader, [position])
        else list.push(position)
      }
      return found
    })
  }

  fetch(node: string, positions: readonly Position[], { maxWaitMs, maxBytes }: FetchOptions): Promise<readonly Fetched[]> {
    return this.#call(async (cluster) => {
      const broker = await cluster.findBroker({ nodeId: node })
      const from = new Map(positions.map((position) => [`${position.partition} ${position.topic}`, position.offset]))
      const topics = [...new Set(positions.map(({ topic }) => topic))].map((topic) => ({
        topic,
        partitions: positions
          .filter((position) => position.topic === topic)
          .map(({ partition, offset }) => ({ partition, fetchOffset: String(offset), maxBytes: Math.ceil(maxBytes / 4) })),
      }))
      const reply: RawFetched = await broker.fetch({ maxWaitTime: maxWaitMs, minBytes: 1, maxBytes, isolationLevel: readCommitted, topics })
      return reply.responses.flatMap(({ topicName: topic, partitions }) =>
        partitions.flatMap((found) => readFetched(topic, found, from.get(`${found.partition} ${topic}`) ?? 0)),
      )
    })
  }

  async groups(): Promise<readonly string[]> {
    const { groups } = await this.#manage((admin) => admin.listGroups())
    return groups.map(({ groupId }) => groupId)
  }

  async memberCount(group: string): Promise<number> {
    const { groups } = await this.#manage((admin) => admin.describeGroups([group]))
    return groups[0]?.members.length ?? 0
  }

  async deleteGroup(group: string): Promise<void> {
    await this.#manage((admin) => admin.deleteGroups([group]))
  }

  committed(group: string, topics: readonly string[]): Promise<readonly CommittedOffset[]> {
    return this.#coordinate(group, async (broker, cluster) => {
      await know(cluster, topics)
      const asked = topics.map((topic) => ({
        topic,
        partitions: cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId })),
      }))
      const { responses } = await broker.offsetFetch({ groupId: group, topics: asked })
      return responses.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset, metadata }) => ({ topic, partition, offset: Number(offset), metadata: metadata ?? '' })),
      )
    })
  }

  async commit(group: string, member: Member | undefined, offsets: readonly CommittedOffset[]): Promise<void> {
    const topics = [...new Set(offsets.map(({ topic }) => topic))].map((topic) => ({
      topic,
      partitions: offsets
        .filter((each) => each.topic === topic)
        .map(({ partition, offset, metadata }) => ({ partition, offset: String(offset), metadata })),
    }))
    await this.#coordinate(group, (broker) =>
      broker.offsetCommit({ groupId: group, groupGenerationId: member?.generation ?? -1, memberId: member?.id ?? '', topics }),
    )
  }

  join({ group, memberId, sessionTimeoutMs, rebalanceTimeoutMs, protocol, subscription }: JoinRequest): Promise<Joined> {
    return this.#coordinate(group, async (broker) => {
      const joined = await broker.joinGroup({
        groupId: group,
        sessionTimeout: sessionTimeoutMs,
        rebalanceTimeout: rebalanceTimeoutMs,
        memberId,
        groupProtocols: [{ name: protocol, metadata: subscription }],
      })
      const members = joined.members.map(({ memberId: each, memberMetadata }) => ({ id: each, subscription: memberMetadata }))
      const isLeader = joined.leaderId === joined.memberId
      return { member: { id: joined.memberId, generation: joined.generationId }, members: isLeader ? members : undefined }
    })
  }

  sync(group: string, { id, generation }: Member, shares: readonly MemberShare[]): Promise<Buffer> {
    return this.#coordinate(group, async (broker) => {
      const groupAssignment = shares.map((share) => ({ memberId: share.id, memberAssignment: share.assignment }))
      const { memberAssignment } = await broker.syncGroup({ groupId: group, generationId: generation, memberId: id, groupAssignment })
      return memberAssignment
    })
  }

  async heartbeat(group: string, { id, generation }: Member): Promise<void> {
    await this.#coordinate(group, (broker) => broker.heartbeat({ groupId: group, groupGenerationId: generation, memberId: id }))
  }

  async leave(group: string, { id }: Member): Promise<void> {
    await this.#coordinate(group, (broker) => broker.leaveGroup({ groupId: group, memberId: id }))
  }

  async #call<T>(work: (cluster: KafkaJsCluster) => Promise<T>): Promise<T> {
    if (this.#closed) throw new DriverError('refused', 'The connection is closed.')
    this.#cluster ??= clusterOf(this.#kafka, this.#metadataMaxAgeMs)
    const cluster = this.#cluster
    try {
      if (!cluster.isConnected()) {
        await cluster.connect()
        await cluster.refreshMetadata()
      }
      return await work(cluster)
    } catch (thrown) {
      const error = driverError(thrown)
      if (isConnectionFault(error)) this.#abandon(cluster)
      else if (error.kind === 'unknown-topic') cluster.targetTopics.clear()
      else if (error.kind === 'temporary') await cluster.refreshMetadata().catch(() => this.#abandon(cluster))
      throw error
    } finally {
      // one that was left while it connected has connections by now, and nobody else who would end them
      if (this.#cluster !== cluster) cluster.disconnect().catch(() => undefined)
    }
  }

  async #coordinate<T>(group: string, work: (broker: KafkaJsBroker, cluster: KafkaJsCluster) => Promise<T>): Promise<T> {
    return this.#call(async (cluster) => {
      let broker = this.#coordinators.get(group)
      if (broker === undefined || !broker.isConnected()) {
        broker = await cluster.findGroupCoordinator({ groupId: group })
        this.#coordinators.set(group, broker)
      }
      try {
        return await work(broker, cluster)
      } catch (error) {
        if (driverError(error).kind === 'temporary') this.#coordinators.delete(group)
        throw error
      }
    })
  }

  async #manage<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    if (this.#closed) throw new DriverError('refused', 'The connection is closed.')
    if (this.#admin === undefined) {
      const admin = this.#kafka.admin()
      this.#admin = { admin, ready: admin.connect() }
    }
    const mine = this.#admin
    try {
      await mine.ready
      return await work(mine.admin)
    } catch (thrown) {
      const error = driverError(thrown)
      if (isConnectionFault(error) && this.#admin === mine) {
        this.#admin = undefined
        mine.admin.disconnect().catch(() => undefined)
      }
      throw error
    }
  }

  #abandon(cluster: KafkaJsCluster): void {
    if (this.#cluster !== cluster) return
    this.#cluster = undefined
    this.#coordinators = new Map()
    cluster.disconnect().catch(() => undefined)
  }
}
