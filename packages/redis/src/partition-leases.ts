import { toError } from '@interline/core'
import type { BrokerContext } from './context.js'
import { giveBack, join, type Member } from './membership.js'
import type { Partition } from './partition.js'
import { acquireLeaseScript, leaseValue, renewLeaseScript } from './scripts/index.js'
import { Repeat } from './waiting.js'

export interface LeaseListener {
  /** It is ours now: what others left pending comes first. */
  taken(partition: Partition): void
  /** It is no longer ours. What is in hand belongs to somebody else. */
  lost(partition: Partition): void
  /** It is to be given up: fetch no more, and hand out nothing of it. */
  draining(partition: Partition): void
  /** Whether a read that includes it is under way; if so it is ended, and asked for again soon. */
  beingRead(partition: Partition): boolean
}

/**
 * Shares the partitions of a destination among the consumers of a group: each holds its fair part by fenced leases, gives up its surplus
 * when others come, and takes what becomes free. For itself a lease ends earlier than for the others.
 */
export class PartitionLeases {
  readonly #context: BrokerContext
  readonly #partitions: readonly Partition[]
  readonly #member: Member
  readonly #listener: LeaseListener
  readonly #expires = new Map<Partition, number>()
  readonly #repeat: Repeat
  /** Looks for what has ended also while a call of a round waits for its answer. */
  readonly #ending: Repeat
  readonly #tickMs: number

  constructor(context: BrokerContext, partitions: readonly Partition[], member: Member, listener: LeaseListener) {
    this.#context = context
    this.#partitions = partitions
    this.#member = member
    this.#listener = listener
    this.#tickMs = Math.min(500, context.options.claimIdleMs / 4)
    this.#repeat = new Repeat(
      () => this.#tick(),
      (error) => {
        this.#expire()
        context.report({ kind: 'warning', detail: 'Leases of partitions could not be renewed.', error: toError(error) })
        return this.#tickMs
      },
    )
    const lookForEnded = (): number => {
      this.#expire()
      return Math.max(1, Math.min(context.options.claimIdleMs, ...this.#held().map((partition) => this.remaining(partition))))
    }
    this.#ending = new Repeat(async () => lookForEnded(), lookForEnded)
  }

  /** The first round; rejects where the group can't be joined. */
  async start(): Promise<void> {
    this.#repeat.within(await this.#tick())
  }

  /** Looks again soon: something in hand was settled, or a read has ended. */
  hurry(): void {
    this.#repeat.within(0)
  }

  /** How long a partition is surely ours, in milliseconds. */
  remaining(partition: Partition): number {
    return (this.#expires.get(partition) ?? 0) - performance.now()
  }

  /** Renews no more. What is held stays until it is released or ends by itself. */
  async stop(): Promise<void> {
    await Promise.all([this.#repeat.stop(), this.#ending.stop()])
  }

  /** Gives up a partition with what is in hand of it, so that the next owner may begin at once. */
  async release(partition: Partition): Promise<void> {
    const given = giveBack(this.#context, this.#member, partition)
    this.#forget(partition)
    await given
  }

  async #tick(): Promise<number> {
    this.#expire()
    const [members] = await Promise.all([join(this.#context, this.#member), ...this.#held().map((partition) => this.#renew(partition))])
    const fair = Math.ceil(this.#partitions.length / members)
    const keeping = this.#held().filter((partition) => partition.phase !== 'draining')
    const surplus = keeping.sort((a, b) => b.inHand - a.inHand).slice(fair)
    for (const partition of surplus) {
      partition.phase = 'draining'
      this.#listener.draining(partition)
      partition.leaving.abort()
    }
    let waiting = false
    for (const partition of this.#held()) {
      if (partition.phase !== 'draining') continue
      if (partition.handed > 0) continue
      if (this.#listener.beingRead(partition)) waiting = true
      else await this.release(partition)
    }
    await this.#acquire(fair - Math.min(keeping.length, fair))
    return waiting ? 10 : this.#tickMs
  }

  async #acquire(wanted: number): Promise<void> {
    const free = this.#partitions.filter((partition) => partition.phase === 'away')
    const offset = Math.floor(Math.random() * free.length)
    for (let index = 0; index < free.length && wanted > 0; index++) {
      const partition = free[(index + offset) % free.length]
      if (partition === undefined) continue
      const begun = performance.now()
      const { consumer } = this.#member
      const keys = [partition.leaseKey, partition.tokenKey]
      const token = await this.#context.control
        .at(partition.leaseKey)
        .run((client) => acquireLeaseScript.run(client, keys, [consumer, String(this.#context.options.claimIdleMs)]))
      if (Number(token) === 0) continue
      wanted--
      partition.fence = leaseValue(`${consumer}:${String(token)}`, this.#context.options.claimIdleMs)
      partition.lost = new AbortController()
      partition.leaving = new AbortController()
      partition.phase = 'taking'
      for (const stream of partition.streams) stream.cursor = ''
      this.#extend(partition, begun)
      this.#listener.taken(partition)
    }
  }

  async #renew(partition: Partition): Promise<void> {
    const begun = performance.now()
    const fence = partition.fence
    const values = [fence.slice(0, fence.lastIndexOf('/')), String(this.#context.options.claimIdleMs)]
    const held = await this.#context.control
      .at(partition.leaseKey)
      .run((client) => renewLeaseScript.run(client, [partition.leaseKey], values))
    if (partition.fence !== fence || partition.phase === 'away') return
    if (held === 1) this.#extend(partition, begun)
    else this.lose(partition)
  }

  #extend(partition: Partition, begun: number): void {
    this.#expires.set(partition, begun + this.#context.options.claimIdleMs * 0.9)
    this.#ending.within(this.remaining(partition))
  }

  #expire(): void {
    for (const partition of this.#held()) if (this.remaining(partition) <= 0) this.lose(partition)
  }

  /** Found to belong to somebody else, not renewed in time, or to be taken anew. */
  lose(partition: Partition): void {
    if (partition.phase === 'away') return
    this.#forget(partition)
  }

  #forget(partition: Partition): void {
    this.#expires.delete(partition)
    partition.phase = 'away'
    this.#listener.lost(partition)
    partition.fence = ''
  }

  #held(): Partition[] {
    return this.#partitions.filter((partition) => partition.phase !== 'away')
  }
}
