import { Bell, pause, toError } from '@interline/core'
import { isDriverError, type KafkaClient, type Member, type MemberShare } from '../drivers/driver.js'
import { divide } from './division.js'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './group-protocol.js'

/** What a member of a group is told, and asked for. */
export interface MembershipListener {
  /** Partitions that it owns and wants to keep. */
  owned(): readonly number[]
  readonly leaving: boolean
  partitionCount(): Promise<number>
  /** Owns these from now on, of which it should give up the surplus in good order. */
  assigned(partitions: readonly number[], surplus: readonly number[]): void
  /** The group went on without us: what we had is somebody else's. */
  fenced(): void
  failed(error: Error): void
}

export interface MembershipOptions {
  readonly group: string
  readonly topics: readonly string[]
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
}

const protocol = 'interline-1'
const longestPauseMs = 1_000

/**
 * Takes part in a consumer group: joins, keeps the session alive whatever the handlers do, joins again when the group changes, and leaves.
 * Whoever leads the group divides the partitions.
 */
export class Membership {
  readonly #client: KafkaClient
  readonly #options: MembershipOptions
  readonly #listener: MembershipListener
  readonly #bell = new Bell()
  #member: Member = { id: '', generation: -1 }
  #phase: 'joining' | 'member' | 'stopped' = 'joining'
  #leads = false
  #heardAt = performance.now()
  #running: Promise<void> | undefined
  #joined: (() => void)[] = []

  constructor(client: KafkaClient, options: MembershipOptions, listener: MembershipListener) {
    this.#client = client
    this.#options = options
    this.#listener = listener
  }

  /** Set while commits are accepted under it. */
  get member(): Member | undefined {
    return this.#phase === 'member' ? this.#member : undefined
  }

  /** It divides the partitions. */
  get leads(): boolean {
    return this.#phase === 'member' && this.#leads
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Resolves when it is a member. */
  joined(): Promise<void> {
    if (this.#phase === 'member') return Promise.resolve()
    return new Promise((resolve) => this.#joined.push(resolve))
  }

  /** Tells the group what is owned now. */
  rejoin(): void {
    if (this.#phase === 'member') this.#phase = 'joining'
    this.#bell.ring()
  }

  /** A request under this membership was refused. */
  refused(error: unknown): void {
    if (isDriverError(error, 'fenced')) this.#lose()
    else if (isDriverError(error, 'rebalancing')) this.rejoin()
  }

  async stop(): Promise<void> {
    this.#phase = 'stopped'
    this.#bell.ring()
    await this.#running
    // also one that was just about to join: it would be missed for a whole session
    if (this.#member.id !== '') await this.#client.leave(this.#options.group, this.#member)
  }

  async #run(): Promise<void> {
    let failures = 0
    while (this.#phase !== 'stopped') {
      try {
        if (this.#phase === 'joining') await this.#join()
        else await this.#client.heartbeat(this.#options.group, this.#member)
        this.#heardAt = performance.now()
        failures = 0
        if (this.#phase === 'member') await this.#bell.wait(this.#options.heartbeatIntervalMs)
      } catch (error) {
        if (isDriverError(error, 'rebalancing', 'fenced')) this.refused(error)
        else await this.#wait(error, failures++)
      }
    }
    for (const resolve of this.#joined.splice(0)) resolve()
  }

  async #join(): Promise<void> {
    const { group, topics, sessionTimeoutMs } = this.#options
    const listener = this.#listener
    const claim = Buffer.from(JSON.stringify({ owned: listener.owned(), leaving: listener.leaving }))
    const { member, members } = await this.#client.join({
      group,
      memberId: this.#member.id,
      sessionTimeoutMs,
      rebalanceTimeoutMs: Math.max(sessionTimeoutMs, 10_000),
      protocol,
      subscription: encodeSubscription(topics, claim),
    })
    this.#member = member
    this.#leads = members !== undefined
    if (this.#isStopped) return
    const shares = members === undefined ? [] : await this.#divide(members)
    const answer = await this.#client.sync(group, member, shares)
    if (this.#isStopped) return
    const { partitions, surplus } = readPart(decodeAssignment(answer))
    this.#phase = 'member'
    listener.assigned(partitions, surplus)
    for (const resolve of this.#joined.splice(0)) resolve()
  }

  // the phase may change while something is awaited, which the compiler does not know
  get #isStopped(): boolean {
    return this.#phase === 'stopped'
  }

  async #divide(members: readonly { readonly id: string; readonly subscription: Buffer }[]): Promise<readonly MemberShare[]> {
    const claims = members.map(({ id, subscription }) => ({ id, ...readClaim(decodeSubscription(subscription)) }))
    return divide(claims, await this.#listener.partitionCount()).map(({ id, partitions, surplus }) => ({
      id,
      assignment: encodeAssignment(this.#options.topics, partitions, Buffer.from(JSON.stringify({ partitions, surplus }))),
    }))
  }

  async #wait(error: unknown, failures: number): Promise<void> {
    this.#listener.failed(toError(error))
    // so long without a word, the others have gone on; where there are none, the group may know this member still
    if (performance.now() - this.#heardAt > this.#options.sessionTimeoutMs) this.#forsake()
    await pause(Math.min(50 * 2 ** failures, longestPauseMs))
  }

  #lose(): void {
    if (this.#phase === 'stopped') return
    this.#member = { id: '', generation: -1 }
    this.#forsake()
  }

  #forsake(): void {
    if (this.#phase === 'stopped') return
    this.#phase = 'joining'
    this.#heardAt = performance.now()
    this.#listener.fenced()
    this.#bell.ring()
  }
}

function readClaim(data: Buffer): { readonly owned: readonly number[]; readonly leaving: boolean } {
  if (data.length === 0) return { owned: [], leaving: false }
  return JSON.parse(data.toString()) as { readonly owned: readonly number[]; readonly leaving: boolean }
}

function readPart(data: Buffer): { readonly partitions: readonly number[]; readonly surplus: readonly number[] } {
  if (data.length === 0) return { partitions: [], surplus: [] }
  return JSON.parse(data.toString()) as { readonly partitions: readonly number[]; readonly surplus: readonly number[] }
}
