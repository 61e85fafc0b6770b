import { pause, type Source } from '@interline/core'
import { claimPending } from './claims.js'
import { ClusterGroupReader } from './cluster/cluster-group-reader.js'
import type { BrokerContext } from './context.js'
import { readEntryAgain } from './entry-again.js'
import { type EntryReader, GroupReader } from './group-reader.js'
import type { Partition, SourceStream } from './partition.js'
import { RedisDelivery, type Settler } from './redis-delivery.js'
import { type DecodedEntry, decodeEntry, type TextFields } from './redis-message.js'

/** An entry on its way to becoming a delivery. */
interface Found {
  readonly stream: SourceStream
  readonly fence: string
  readonly id: string
  readonly fields: TextFields
  readonly deliveries: number
  readonly noted: string
}

/** What the intake asks of the leases, where there are any. */
export interface Ownership {
  /** How long a partition is surely ours, in milliseconds. */
  remaining(partition: Partition): number
  lose(partition: Partition): void
}

/** Where a consumer's deliveries come from: what is pending and unseen comes first, then what others left, then what is new. */
export class Intake {
  readonly #context: BrokerContext
  readonly #source: Source
  readonly #member: { readonly group: string; readonly consumer: string }
  readonly #partitions: readonly Partition[]
  readonly #settler: Settler
  readonly #ownership: Ownership | undefined
  readonly #reader: EntryReader
  #reading: ReadonlySet<Partition> = new Set()
  #seenGeneration = -1
  /** Own pending entries may be unknown here: a reply was lost. */
  #searchOwn = true
  #claimAt = 0

  constructor(
    context: BrokerContext,
    source: Source,
    consumer: string,
    partitions: readonly Partition[],
    settler: Settler,
    ownership: Ownership | undefined,
  ) {
    this.#context = context
    this.#source = source
    this.#member = { group: source.group, consumer }
    this.#partitions = partitions
    this.#settler = settler
    this.#ownership = ownership
    const { news } = context
    this.#reader =
      news === undefined
        ? new GroupReader(context, source.group, consumer)
        : new ClusterGroupReader(context, news, partitions, source.group, consumer)
  }

  /** Something that was in hand may still be pending: look for it before reading on. */
  doubt(): void {
    this.#searchOwn = true
  }

  /** Whether a read that includes it is under way. */
  reads(partition: Partition): boolean {
    return this.#reading.has(partition)
  }

  /** Ends a read that waits. */
  wake(): void {
    this.#reader.connection.wake()
  }

  close(): void {
    this.#reader.connection.close()
  }

  /** About `room` deliveries in their order; none where nothing came in time. */
  async fetch(room: number): Promise<RedisDelivery[]> {
    await this.#reader.connection.prepare()
    if (this.#reader.connection.generation !== this.#seenGeneration) {
      this.#seenGeneration = this.#reader.connection.generation
      this.#searchOwn = true
    }
    const taking = this.#streams((partition) => partition.phase === 'taking')
    if (taking.length > 0) return this.#takeOver(taking, room)
    const owned = this.#streams((partition) => partition.phase === 'reading')
    if (this.#searchOwn && owned.length > 0) return this.#search('own', owned, room)
    if (performance.now() >= this.#claimAt && owned.length > 0) {
      const claimed = await this.#search('idle', owned, room)
      this.#claimAt = performance.now() + Math.min(1_000, this.#context.options.claimIdleMs / 4)
      if (claimed.length > 0) return claimed
    }
    return this.#read(room)
  }

  async #takeOver(streams: readonly SourceStream[], room: number): Promise<RedisDelivery[]> {
    const taken = new Map(streams.map(({ partition }) => [partition, partition.fence]))
    const { deliveries, finished } = await this.#pass('all', streams, room)
    if (!finished) return deliveries
    for (const [partition, fence] of taken) if (partition.phase === 'taking' && partition.fence === fence) partition.phase = 'reading'
    return deliveries
  }

  /** Looks through the pending entries from the beginning to the end, or until there is enough. */
  async #search(mode: 'own' | 'idle', streams: readonly SourceStream[], room: number): Promise<RedisDelivery[]> {
    if (mode === 'own') this.#searchOwn = false
    for (const stream of streams) stream.cursor = ''
    const found: RedisDelivery[] = []
    for (;;) {
      try {
        const { deliveries, finished } = await this.#pass(mode, streams, room)
        found.push(...deliveries)
        if (finished) return found
      } catch (error) {
        // what was found before is in hand already: nobody would look for it again
        if (found.length === 0) throw error
        return found
      }
      if (found.length >= room) {
        if (mode === 'own') this.#searchOwn = true
        return found
      }
    }
  }

  async #pass(
    mode: 'own' | 'idle' | 'all',
    streams: readonly SourceStream[],
    room: number,
  ): Promise<{ readonly deliveries: RedisDelivery[]; readonly finished: boolean }> {
    // What is settled meanwhile looks pending in the answer, and is not.
    const known = new Map(streams.map((stream) => [stream, new Set(stream.inHand.keys())]))
    const begun = streams.map((stream) => ({ stream, cursor: stream.cursor, fence: stream.partition.fence }))
    try {
      const pass = await claimPending(this.#context, mode, streams, Math.max(room, 10), this.#member)
      for (const partition of pass.lost) this.#ownership?.lose(partition)
      for (const { stream, count } of pass.gone) this.#reportGone(stream, count)
      const deliveries = await this.#accept(pass.entries.filter((entry) => known.get(entry.stream)?.has(entry.id) !== true))
      return { deliveries, finished: pass.finished }
    } catch (error) {
      this.#searchOwn = true
      // what a part of the streams gave was not accepted either: a takeover that went on behind it would hand it out too late
      for (const { stream, cursor, fence } of begun) if (stream.partition.fence === fence) stream.cursor = cursor
      throw error
    }
  }

  async #read(room: number): Promise<RedisDelivery[]> {
    const { claimIdleMs, blockMs } = this.#context.options
    const longest = Math.max(10, Math.floor(Math.min(blockMs, claimIdleMs / 3, this.#claimAt - performance.now())))
    // A read that outlives the lease could take what belongs to the next owner.
    const safe = (partition: Partition): boolean =>
      partition.phase === 'reading' && (this.#ownership === undefined || this.#ownership.remaining(partition) > longest + claimIdleMs / 8)
    const streams = this.#streams(safe)
    if (streams.length === 0) {
      await pause(20)
      return []
    }
    this.#reading = new Set(streams.map(({ partition }) => partition))
    try {
      const entries = await this.#reader.read(streams, room, longest)
      return await this.#accept(entries.map((entry) => ({ ...entry, deliveries: 1, noted: '' })))
    } finally {
      this.#reading = new Set()
    }
  }

  /**
   * Makes deliveries of entries that are still ours, in their order; those of a partition that leaves are only kept in hand. All or none:
   * what is in hand and was not handed out is looked for by nobody.
   */
  async #accept(entries: readonly Found[]): Promise<RedisDelivery[]> {
    const { destination } = this.#source
    const all: (DecodedEntry | undefined)[] = []
    for (const { stream, id, fields } of entries) {
      all.push(decodeEntry(destination, fields) ?? (await readEntryAgain(this.#context, destination, stream.key, id)))
    }
    const accepted: RedisDelivery[] = []
    for (const [index, { stream, fence, id, deliveries, noted }] of entries.entries()) {
      const decoded = all[index]
      const { partition } = stream
      if (decoded === undefined || partition.phase === 'away' || partition.fence !== fence || stream.inHand.has(id)) continue
      const delivery = new RedisDelivery(this.#settler, stream, id, decoded, deliveries, noted)
      stream.inHand.set(id, delivery)
      if (partition.phase !== 'draining') accepted.push(delivery)
    }
    return accepted
  }

  #reportGone(stream: SourceStream, count: number): void {
    const { destination, group } = this.#source
    const detail = `${count} pending events are no longer in ${stream.key}: they were deleted or trimmed from outside.`
    this.#context.report({ kind: 'loss', detail, destination, group, count })
  }

  #streams(wanted: (partition: Partition) => boolean): SourceStream[] {
    return this.#partitions.filter(wanted).flatMap(({ streams }) => streams)
  }
}
