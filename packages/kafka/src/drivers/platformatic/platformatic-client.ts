import {
  type CommittedOffset,
  type Fetched,
  type FetchOptions,
  isDriverError,
  type Joined,
  type JoinRequest,
  type KafkaClient,
  type Member,
  type MemberShare,
  type OutgoingRecord,
  type Position,
  type TopicPlan,
} from '../driver.js'
import { Partitioner } from '../protocol/partitions.js'
import type { Address, ConnectionSettings } from './connections.js'
import { commit, committed, deleteGroup, groups, heartbeat, join, leave, memberCount, sync } from './group-requests.js'
import type { Library } from './library.js'
import { fetch, leaders, offsets, produce } from './record-requests.js'
import { Session } from './session.js'

/**
 * The connections and protocol requests of @platformatic/kafka, in versions that Kafka has spoken since 2.4; not its producer and consumer.
 * A connection that failed is left to itself, and a fresh one made.
 */
export class PlatformaticClient implements KafkaClient {
  readonly #session: Session
  readonly #partitioner = new Partitioner()

  constructor(library: Library, settings: ConnectionSettings, seeds: readonly Address[], metadataMaxAgeMs: number) {
    this.#session = new Session(library, settings, seeds, metadataMaxAgeMs)
  }

  async connect(): Promise<void> {
    await this.#session.call(() => this.#session.cluster.know([], true))
  }

  reach(): Promise<void> {
    return this.connect()
  }

  async close(): Promise<void> {
    this.#session.connections.close()
  }

  topics(): Promise<readonly string[]> {
    return this.#session.call(() => this.#session.cluster.topicNames())
  }

  async partitionCount(topic: string): Promise<number | undefined> {
    const { cluster } = this.#session
    try {
      await this.#session.call(() => cluster.know([topic], true))
      return cluster.partitions(topic).length
    } catch (error) {
      if (isDriverError(error, 'unknown-topic')) return undefined
      throw error
    }
  }

  async createTopic({ name, partitions: numPartitions, replicationFactor, settings }: TopicPlan): Promise<void> {
    const { createTopicsV4 } = this.#session.library
    const configs = Object.entries(settings).map(([setting, value]) => ({ name: setting, value }))
    const topic = { name, numPartitions, replicationFactor, assignments: [], configs }
    await this.#session.manage((connection, timeoutMs) => createTopicsV4.api.async(connection, [topic], timeoutMs, false))
  }

  async extendTopic(name: string, count: number): Promise<void> {
    const { createPartitionsV1 } = this.#session.library
    // Kafka chooses their nodes
    const topic = { name, count, assignments: null }
    await this.#session.manage((connection, timeoutMs) => createPartitionsV1.api.async(connection, [topic], timeoutMs, false))
    this.#session.cluster.doubt()
  }

  produce(records: readonly OutgoingRecord[]): Promise<void> {
    return produce(this.#session, this.#partitioner, records)
  }

  offsets(topic: string, at: 'earliest' | 'latest' | number): Promise<ReadonlyMap<number, number>> {
    return offsets(this.#session, topic, at)
  }

  leaders(positions: readonly Position[]): Promise<ReadonlyMap<string, readonly Position[]>> {
    return leaders(this.#session, positions)
  }

  fetch(node: string, positions: readonly Position[], options: FetchOptions): Promise<readonly Fetched[]> {
    return fetch(this.#session, node, positions, options)
  }

  groups(): Promise<readonly string[]> {
    return groups(this.#session)
  }

  memberCount(group: string): Promise<number> {
    return memberCount(this.#session, group)
  }

  deleteGroup(group: string): Promise<void> {
    return deleteGroup(this.#session, group)
  }

  committed(group: string, topics: readonly string[]): Promise<readonly CommittedOffset[]> {
    return committed(this.#session, group, topics)
  }

  commit(group: string, member: Member | undefined, list: readonly CommittedOffset[]): Promise<void> {
    return commit(this.#session, group, member, list)
  }

  join(request: JoinRequest): Promise<Joined> {
    return join(this.#session, request)
  }

  sync(group: string, member: Member, shares: readonly MemberShare[]): Promise<Buffer> {
    return sync(this.#session, group, member, shares)
  }

  heartbeat(group: string, member: Member): Promise<void> {
    return heartbeat(this.#session, group, member)
  }

  leave(group: string, member: Member): Promise<void> {
    return leave(this.#session, group, member)
  }
}
