import { createRequire } from 'node:module'
import type { Broker, Cluster, Kafka } from 'kafkajs'
import { PartitionAssigners } from 'kafkajs'
import { produceVersion } from '../protocol/produce-requests.js'
import type { Checksum } from '../protocol/record-writer.js'

/** kafkajs gives its cluster to partition assigners; its types leave out what its own consumer calls there. */
export interface KafkaJsCluster extends Omit<Cluster, 'findGroupCoordinator' | 'findBroker'> {
  readonly targetTopics: Set<string>
  findBroker(node: { readonly nodeId: string }): Promise<KafkaJsBroker>
  findGroupCoordinator(group: { readonly groupId: string }): Promise<KafkaJsBroker>
}

export interface KafkaJsBroker extends Pick<Broker, 'isConnected' | 'disconnect' | 'fetch'> {
  readonly connectionPool: { send(request: ProtocolRequest): Promise<unknown> }
  offsetCommit(request: object): Promise<unknown>
  offsetFetch(request: object): Promise<{ readonly responses: readonly RawOffsets[] }>
  joinGroup(request: object): Promise<RawJoined>
  syncGroup(request: object): Promise<{ readonly memberAssignment: Buffer }>
  heartbeat(request: object): Promise<unknown>
  leaveGroup(request: object): Promise<unknown>
}

export interface RawOffsets {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number; readonly offset: string; readonly metadata: string | null }[]
}

export interface RawJoined {
  readonly generationId: number
  readonly leaderId: string
  readonly memberId: string
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[]
}

export interface RawRecord {
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>>
  readonly isControlRecord?: boolean
  readonly batchContext?: { readonly firstOffset: unknown; readonly lastOffsetDelta: number }
}

export interface RawFetched {
  readonly responses: readonly {
    readonly topicName: string
    readonly partitions: readonly {
      readonly partition: number
      readonly messages: readonly RawRecord[]
      readonly abortedTransactions: readonly object[] | null
    }[]
  }[]
}

interface ProtocolRequest {
  readonly request: object
  readonly response: object
}

const load = createRequire(import.meta.url)

export const crc32C = load('kafkajs/src/protocol/recordBatch/crc32C/crc32C.js') as Checksum

const Encoder = load('kafkajs/src/protocol/encoder.js') as new (size: number) => { writeBuffer(bytes: Buffer): object }
const produce = load('kafkajs/src/protocol/requests/produce/index.js') as {
  protocol(version: { readonly version: number }): (body: object) => ProtocolRequest
}

interface RawProduced {
  readonly topics: readonly {
    readonly topicName: string
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[]
  }[]
}

const { createErrorFromCode } = load('kafkajs/src/protocol/error.js') as { createErrorFromCode(code: number): Error }

/** A produce request whose body is written already. Answers the partitions that were refused, of which kafkajs would tell the first. */
export async function sendProduce(broker: KafkaJsBroker, body: Buffer): Promise<readonly RawRefusal[]> {
  const { request, response } = produce.protocol({ version: produceVersion })({ acks: -1, timeout: 0, topicData: [] })
  const encode = async (): Promise<object> => new Encoder(body.length).writeBuffer(body)
  const parse = async (answer: RawProduced): Promise<RawProduced> => answer
  try {
    const { topics } = (await broker.connectionPool.send({
      request: { ...request, encode },
      response: { ...response, parse },
    })) as RawProduced
    return topics.flatMap(({ topicName: topic, partitions }) =>
      partitions.flatMap(({ partition, errorCode }) =>
        errorCode === 0 ? [] : [{ topic, partition, error: createErrorFromCode(errorCode) }],
      ),
    )
  } catch (error) {
    if (error instanceof Error && error.name === 'KafkaJSConnectionClosedError') await broker.disconnect()
    throw error
  }
}

export interface RawRefusal {
  readonly topic: string
  readonly partition: number
  readonly error: Error
}

/** Leaves out what an aborted transaction wrote. */
export const withoutAborted = load('kafkajs/src/consumer/filterAbortedMessages.js') as (batch: {
  readonly messages: readonly RawRecord[]
  readonly abortedTransactions: readonly object[] | null
}) => readonly RawRecord[]

/** A cluster with connections of its own, as kafkajs makes one for each consumer. */
export function clusterOf(kafka: Kafka, metadataMaxAge: number): KafkaJsCluster {
  let found: Cluster | undefined
  kafka.consumer({
    groupId: 'interline',
    allowAutoTopicCreation: false,
    metadataMaxAge,
    partitionAssigners: [
      (config) => {
        found = config.cluster
        return PartitionAssigners.roundRobin(config)
      },
    ],
  })
  if (found === undefined) throw new Error('This version of kafkajs gives its assigners no cluster. Install kafkajs 2.2.4.')
  return found as unknown as KafkaJsCluster
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly inflight: ReadonlyMap<unknown, { readonly sentAt: number; readonly requestTimeout: number; timeoutRequest(): void }>
  readonly requestTimeout: number
  readonly enforceRequestTimeout: boolean
  requestTimeoutIntervalId: unknown
  isConnected(): boolean
  destroy(): void
  scheduleCheckPendingRequests(): void
  scheduleRequestTimeoutCheck(): void
}

/**
 * A connection of kafkajs 2.2.4 that has had one answer looks for waiting requests every millisecond, for ever, and for late answers ten
 * times a second. There is something to look for only while requests wait, and what may take seconds need not be looked at so often.
 */
export function calmRequestQueues(): void {
  const { prototype } = load('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue & { interlineCalm?: boolean } }
  if (prototype.interlineCalm === true || typeof prototype.scheduleCheckPendingRequests !== 'function') return
  prototype.interlineCalm = true
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function calm(this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this)
  }
  prototype.scheduleRequestTimeoutCheck = function seldom(this: RequestQueue): void {
    if (!this.enforceRequestTimeout) return
    this.destroy()
    const look = (): void => {
      for (const request of this.inflight.values()) if (Date.now() - request.sentAt > request.requestTimeout) request.timeoutRequest()
      if (!this.isConnected()) this.destroy()
    }
    this.requestTimeoutIntervalId = setInterval(look, Math.max(100, Math.min(this.requestTimeout / 8, 1_000)))
  }
}
