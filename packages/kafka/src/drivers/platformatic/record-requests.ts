import type { Connection } from '@platformatic/kafka'
import { DriverError, type Fetched, type FetchOptions, type OutgoingRecord, type Position } from '../driver.js'
import type { Partitioner } from '../protocol/partitions.js'
import { type PartitionRefusal, produceAll } from '../protocol/produce.js'
import { type ProduceRouting, produceRequests, produceVersion } from '../protocol/produce-requests.js'
import { answerOf, driverError } from './errors.js'
import { readFetched } from './fetched.js'
import type { Library } from './library.js'
import type { Session } from './session.js'

type Produced = ReturnType<Library['produceV7']['parseResponse']>

const produceKey = 0
const readCommitted = 1
const anyEpoch = -1
const noSession = { id: 0, epoch: -1 } as const
const times = { latest: -1n, earliest: -2n } as const

/** As the port says, with the partition of a record that names none by `partitioner`. */
export async function produce(session: Session, partitioner: Partitioner, records: readonly OutgoingRecord[]): Promise<void> {
  await session.call(async () => {
    await session.cluster.know([...new Set(records.map(({ topic }) => topic))])
    const partitions: ProduceRouting['partitions'] = (topic) => session.cluster.partitions(topic)
    const requests = produceRequests(records, { partitioner: partitioner, checksum: session.library.crc32c, partitions })
    const nodes = requests.map(({ node }) => session.connections.get(session.cluster.node(node), 'requests'))
    const connections = await Promise.all(nodes)
    await produceAll(requests, (request) => send(session, connections[requests.indexOf(request)] as Connection, request.body))
  })
}

export function offsets(session: Session, topic: string, at: 'earliest' | 'latest' | number): Promise<ReadonlyMap<number, number>> {
  return session.call(async () => {
    await session.cluster.know([topic])
    const timestamp = typeof at === 'number' ? BigInt(at) : times[at]
    const found = new Map<number, number>()
    const asking = [...byLeader(session, topic)].map(async ([leader, numbers]) => {
      const partitions = numbers.map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: anyEpoch, timestamp }))
      const connection = await session.connections.get(session.cluster.node(leader), 'requests')
      const { topics } = await session.library.listOffsetsV5.api.async(connection, -1, readCommitted, [{ name: topic, partitions }])
      for (const { partitionIndex, offset } of topics[0]?.partitions ?? []) found.set(partitionIndex, Number(offset))
    })
    await Promise.all(asking)
    return new Map([...found].sort(([left], [right]) => left - right))
  })
}

export function leaders(session: Session, positions: readonly Position[]): Promise<ReadonlyMap<string, readonly Position[]>> {
  return session.call(async () => {
    await session.cluster.know([...new Set(positions.map(({ topic }) => topic))])
    const found = new Map<string, Position[]>()
    for (const position of positions) {
      const { topic, partition } = position
      const leader = session.cluster.partitions(topic).find(({ partitionId }) => partitionId === partition)?.leader
      if (leader === undefined) throw new DriverError('unknown-topic', `Partition ${partition} of ${topic} is gone.`)
      // the others go on while this one waits for a leader
      if (leader < 0) continue
      found.set(String(leader), [...(found.get(String(leader)) ?? []), position])
    }
    if (found.size === 0) throw new DriverError('temporary', 'None of the partitions has a leader.')
    return found
  })
}

export function fetch(
  session: Session,
  node: string,
  positions: readonly Position[],
  { maxWaitMs, maxBytes }: FetchOptions,
): Promise<readonly Fetched[]> {
  return session.call(async () => {
    const connection = await session.connections.get(session.cluster.node(Number(node)), 'fetches')
    const from = new Map(positions.map((position) => [`${position.partition} ${position.topic}`, position.offset]))
    const topics = [...new Set(positions.map(({ topic }) => topic))].map((topicId) => ({
      topicId,
      partitions: positions
        .filter(({ topic }) => topic === topicId)
        .map(({ partition, offset }) => ({
          partition,
          currentLeaderEpoch: anyEpoch,
          fetchOffset: BigInt(offset),
          lastFetchedEpoch: anyEpoch,
          partitionMaxBytes: Math.ceil(maxBytes / 4),
        })),
    }))
    const { id, epoch } = noSession
    const { fetchV11 } = session.library
    const reply = await fetchV11.api
      .async(connection, maxWaitMs, 1, maxBytes, readCommitted, id, epoch, topics, [], '')
      .catch((error: unknown) => Promise.reject(unreadable(error)))
    return reply.responses.flatMap(({ topicId: topic, partitions }) =>
      partitions.flatMap((found) => readFetched(topic, found, from.get(`${found.partitionIndex} ${topic}`) ?? 0)),
    )
  })
}

function byLeader({ cluster }: Session, topic: string): ReadonlyMap<number, readonly number[]> {
  const found = new Map<number, number[]>()
  for (const { partitionId, leader } of cluster.partitions(topic)) {
    if (leader < 0) throw new DriverError('temporary', `Partition ${partitionId} of ${topic} has no leader.`)
    found.set(leader, [...(found.get(leader) ?? []), partitionId])
  }
  return found
}

/** A produce request whose body is written already. Answers what was refused. */
function send({ library }: Session, connection: Connection, body: Buffer): Promise<readonly PartitionRefusal[]> {
  const { Writer, ProtocolError, produceV7 } = library
  const payload = (): InstanceType<Library['Writer']> => Writer.create().append(body)
  return new Promise((resolve, reject) => {
    connection.send(produceKey, produceVersion, payload, produceV7.parseResponse, false, false, (error) => {
      if (error === null) return resolve([])
      const answer = answerOf<Produced>(error)
      if (answer === undefined) return reject(driverError(error, true))
      const refused = answer.responses.flatMap(({ name: topic, partitionResponses }) =>
        partitionResponses
          .filter(({ errorCode }) => errorCode !== 0)
          .map(({ index: partition, errorCode }) => ({ topic, partition, error: driverError(new ProtocolError(errorCode), true) })),
      )
      resolve(refused)
    })
  })
}

/** What is no error of the library was thrown while records were read: they are broken, or packed in a way that is not known here. */
function unreadable(error: unknown): unknown {
  const isOfLibrary =
    typeof (error as { readonly code?: unknown }).code === 'string' && String((error as { code: string }).code).startsWith('PLT_KFK_')
  return isOfLibrary ? error : new DriverError('codec', `The records can't be read: ${(error as Error).message}`, { cause: error })
}
