import type { CommittedOffset, Joined, JoinRequest, Member, MemberShare } from '../driver.js'
import { refusalOf } from './errors.js'
import type { Library } from './library.js'
import type { Session } from './session.js'

const anyEpoch = -1
const consumers = 'consumer'

export function groups(session: Session): Promise<readonly string[]> {
  return session.call(async () => {
    await session.cluster.know([])
    const answers = await Promise.all(
      session.cluster.nodes.map(async (node) => {
        const connection = await session.connections.get(node, 'requests')
        return session.library.listGroupsV2.api.async(connection, [], [])
      }),
    )
    return answers.flatMap(({ groups }) => groups.map(({ groupId }) => groupId))
  })
}

export function memberCount(session: Session, group: string): Promise<number> {
  return session.coordinate(group, 'requests', async (connection) => {
    const { groups } = await session.library.describeGroupsV4.api.async(connection, [group], false)
    return groups[0]?.members.length ?? 0
  })
}

export async function deleteGroup(session: Session, group: string): Promise<void> {
  await session.coordinate(group, 'requests', (connection) => session.library.deleteGroupsV1.api.async(connection, [group]))
}

export function committed(session: Session, group: string, names: readonly string[]): Promise<readonly CommittedOffset[]> {
  return session.coordinate(group, 'requests', async (connection) => {
    await session.cluster.know(names)
    const asked = names.map((name) => ({
      name,
      partitionIndexes: session.cluster.partitions(name).map(({ partitionId }) => partitionId),
    }))
    const { topics } = await session.library.offsetFetchV5.api.async(connection, [{ groupId: group, topics: asked }], false)
    return topics.flatMap(({ name: topic, partitions }) =>
      partitions.map(({ partitionIndex: partition, committedOffset, metadata }) => ({
        topic,
        partition,
        offset: Number(committedOffset),
        metadata: metadata ?? '',
      })),
    )
  })
}

export async function commit(
  session: Session,
  group: string,
  member: Member | undefined,
  offsets: readonly CommittedOffset[],
): Promise<void> {
  const topics = [...new Set(offsets.map(({ topic }) => topic))].map((name) => ({
    name,
    partitions: offsets
      .filter(({ topic }) => topic === name)
      .map(({ partition, offset, metadata }) => ({
        partitionIndex: partition,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: anyEpoch,
        committedMetadata: metadata,
      })),
  }))
  const { generation = -1, id = '' } = member ?? {}
  await session.coordinate(group, 'requests', (connection) =>
    session.library.offsetCommitV7.api.async(connection, group, generation, id, null, topics),
  )
}

export function join(
  session: Session,
  { group, memberId, sessionTimeoutMs, rebalanceTimeoutMs, protocol, subscription }: JoinRequest,
): Promise<Joined> {
  return session.coordinate(group, 'joins', async (connection) => {
    const joinAs = (id: string): ReturnType<Library['joinGroupV5']['api']['async']> => {
      const protocols = [{ name: protocol, metadata: subscription }]
      const { joinGroupV5 } = session.library
      return joinGroupV5.api.async(connection, group, sessionTimeoutMs, rebalanceTimeoutMs, id, null, consumers, protocols)
    }
    const joined = await joinAs(memberId).catch((error: unknown) => {
      // a newcomer is told its name first
      const refusal = refusalOf(error)
      if (refusal?.apiId !== 'MEMBER_ID_REQUIRED' || refusal.memberId === undefined) throw error
      return joinAs(refusal.memberId)
    })
    const members = joined.members.map(({ memberId: id, metadata }) => ({ id, subscription: metadata }))
    const isLeader = joined.leader === joined.memberId
    return { member: { id: joined.memberId, generation: joined.generationId }, members: isLeader ? members : undefined }
  })
}

export function sync(session: Session, group: string, { id, generation }: Member, shares: readonly MemberShare[]): Promise<Buffer> {
  return session.coordinate(group, 'joins', async (connection) => {
    const all = shares.map((share) => ({ memberId: share.id, assignment: share.assignment }))
    const { assignment } = await session.library.syncGroupV3.api.async(connection, group, generation, id, null, null, null, all)
    return assignment
  })
}

export async function heartbeat(session: Session, group: string, { id, generation }: Member): Promise<void> {
  await session.coordinate(group, 'requests', (connection) =>
    session.library.heartbeatV3.api.async(connection, group, generation, id, null),
  )
}

export async function leave(session: Session, group: string, { id }: Member): Promise<void> {
  await session.coordinate(group, 'requests', (connection) =>
    session.library.leaveGroupV3.api.async(connection, group, [{ memberId: id, groupInstanceId: null }]),
  )
}
