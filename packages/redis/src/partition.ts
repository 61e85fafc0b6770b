import type { KeySpace } from './key-space.js'
import type { RedisDelivery } from './redis-delivery.js'

/** One stream as one consumer sees it. */
export class SourceStream {
  readonly key: string
  readonly partition: Partition
  /** The group's own stream, whose entries are removed when they are acknowledged. */
  readonly retry: boolean
  /** What was fetched and is not settled, by entry id. */
  readonly inHand: Map<string, RedisDelivery> = new Map()
  /** How far a takeover or a reading of the own pending entries has come. */
  cursor = ''

  constructor(key: string, partition: Partition, retry: boolean) {
    this.key = key
    this.partition = partition
    this.retry = retry
  }
}

/**
 * `away`: not ours. `taking`: ours, and what others left pending comes before anything new. `reading`. `draining`: ours until what is in
 * hand is settled.
 */
export type PartitionPhase = 'away' | 'taking' | 'reading' | 'draining'

/** One partition of a destination as one consumer sees it. */
export class Partition {
  readonly index: number
  readonly events: SourceStream
  readonly retries: SourceStream
  readonly streams: readonly SourceStream[]
  readonly notes: string
  readonly delayed: string
  readonly scheduled: string
  readonly waiting: string
  readonly news: string
  readonly leaseKey: string
  readonly tokenKey: string
  phase: PartitionPhase = 'away'
  /** The lease's value, which settlements are checked against; '' where entries are owned one by one. */
  fence = ''
  /** Aborted when the partition is lost; a fresh one for each time it is owned. */
  lost: AbortController = new AbortController()
  /** Aborted when the partition is to be given up in good order. */
  leaving: AbortController = new AbortController()

  constructor(keys: KeySpace, destination: string, index: number, group: string) {
    const partition = keys.partition(destination, index)
    const own = keys.group(destination, index, group)
    this.index = index
    this.events = new SourceStream(partition.events, this, false)
    this.retries = new SourceStream(own.retry, this, true)
    this.streams = [this.events, this.retries]
    this.notes = own.notes
    this.delayed = own.delayed
    this.scheduled = partition.scheduled
    this.waiting = partition.waiting
    this.news = partition.news
    this.leaseKey = own.lease
    this.tokenKey = own.token
  }

  get inHand(): number {
    return this.events.inHand.size + this.retries.inHand.size
  }

  /** Of what is in hand, how much core has and has neither settled nor released. */
  get handed(): number {
    let count = 0
    for (const stream of this.streams) for (const delivery of stream.inHand.values()) if (delivery.handed) count++
    return count
  }
}

/** Order of entry ids: time, then number. */
export function compareIds(a: string, b: string): number {
  const [aTime = '', aNumber = ''] = a.split('-')
  const [bTime = '', bNumber = ''] = b.split('-')
  return Number(aTime) - Number(bTime) || Number(aNumber) - Number(bNumber)
}
