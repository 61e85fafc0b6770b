/** What the adapter asks of a Kafka client library: the verbs of the protocol, and nothing about groups, retries or order. */
export interface KafkaClient {
  /** Resolves when a broker answers and lets us in. */
  connect(): Promise<void>
  /** The same by a question to a broker now: a connection that is there says nothing of a server that is frozen. */
  reach(): Promise<void>
  close(): Promise<void>
  topics(): Promise<readonly string[]>
  /** How many partitions a topic has; `undefined` where there is no such topic. */
  partitionCount(topic: string): Promise<number | undefined>
  createTopic(plan: TopicPlan): Promise<void>
  /** Gives a topic more partitions, so many in all. */
  extendTopic(topic: string, partitions: number): Promise<void>
  /** Resolves when every in-sync replica has them. Sent once; a failure names those that are `stored`, and with `sent` others may be. */
  produce(records: readonly OutgoingRecord[]): Promise<void>
  /** The first offset, the next one, or the first whose time is not before the given one, for each partition. */
  offsets(topic: string, at: 'earliest' | 'latest' | number): Promise<ReadonlyMap<number, number>>
  /** Leads to the node that each partition is fetched from. */
  leaders(positions: readonly Position[]): Promise<ReadonlyMap<string, readonly Position[]>>
  fetch(node: string, positions: readonly Position[], options: FetchOptions): Promise<readonly Fetched[]>
  groups(): Promise<readonly string[]>
  memberCount(group: string): Promise<number>
  deleteGroup(group: string): Promise<void>
  committed(group: string, topics: readonly string[]): Promise<readonly CommittedOffset[]>
  /** Without a member only while the group has none. */
  commit(group: string, member: Member | undefined, offsets: readonly CommittedOffset[]): Promise<void>
  join(request: JoinRequest): Promise<Joined>
  /** Answers what the leader wrote for this member. */
  sync(group: string, member: Member, shares: readonly MemberShare[]): Promise<Buffer>
  heartbeat(group: string, member: Member): Promise<void>
  leave(group: string, member: Member): Promise<void>
}

/** A client library, loaded: makes clients with connections of their own. */
export type Driver = () => KafkaClient

export interface TopicPlan {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  /** As Kafka names them, such as `cleanup.policy`. */
  readonly settings: Readonly<Record<string, string>>
}

export interface OutgoingRecord {
  readonly topic: string
  /** Where it is not said: by the key, as Kafka's own clients do it (murmur2). */
  readonly partition?: number | undefined
  readonly key: string | Buffer | null
  readonly value: string | Buffer | null
  readonly headers: Readonly<Record<string, string | Buffer>>
}

export interface IncomingRecord {
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[] | string | readonly string[] | undefined>>
}

export interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface FetchOptions {
  readonly maxWaitMs: number
  readonly maxBytes: number
}

export interface Fetched {
  readonly topic: string
  readonly partition: number
  readonly records: readonly IncomingRecord[]
  /** Where to go on; beyond the last record where some are not for us, such as the marks of a transaction. */
  readonly next: number
}

export interface CommittedOffset {
  readonly topic: string
  readonly partition: number
  /** -1: nothing was committed. */
  readonly offset: number
  readonly metadata: string
}

export interface Member {
  readonly id: string
  readonly generation: number
}

export interface JoinRequest {
  readonly group: string
  /** Empty for a newcomer. */
  readonly memberId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocol: string
  /** For the leader. */
  readonly subscription: Buffer
}

export interface Joined {
  readonly member: Member
  /** Set for the leader only. */
  readonly members: readonly { readonly id: string; readonly subscription: Buffer }[] | undefined
}

export interface MemberShare {
  readonly id: string
  readonly assignment: Buffer
}

/** What went wrong, as far as the adapter acts on it. */
export type DriverErrorKind =
  | 'temporary'
  | 'authentication'
  | 'refused'
  | 'too-large'
  | 'unknown-topic'
  | 'topic-exists'
  | 'rebalancing'
  | 'fenced'
  | 'group-busy'
  | 'out-of-range'
  | 'codec'

export interface DriverErrorDetails {
  readonly cause?: unknown
  readonly sent?: boolean | undefined
  readonly stored?: readonly OutgoingRecord[] | undefined
}

export class DriverError extends Error {
  readonly kind: DriverErrorKind
  /** The request may have been carried out. */
  readonly sent: boolean
  /** Of several records, those that certainly are stored. */
  readonly stored: readonly OutgoingRecord[]

  constructor(kind: DriverErrorKind, message: string, { cause, sent = false, stored = [] }: DriverErrorDetails = {}) {
    super(message, { cause })
    this.name = 'DriverError'
    this.kind = kind
    this.sent = sent
    this.stored = stored
  }
}

export function isDriverError(error: unknown, ...kinds: readonly DriverErrorKind[]): error is DriverError {
  return error instanceof DriverError && (kinds.length === 0 || kinds.includes(error.kind))
}
