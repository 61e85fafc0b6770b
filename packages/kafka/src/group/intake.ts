import { type Receive, type Source, toError } from '@interline/core'
import type { BrokerContext } from '../context.js'
import { type DriverError, type Fetched, type IncomingRecord, isDriverError, type KafkaClient, type Position } from '../drivers/driver.js'
import { KafkaDelivery } from '../kafka-delivery.js'
import { decodeRecord } from '../kafka-message.js'
import type { CommitLoop } from './commit-loop.js'
import { DelayLine } from './delay-line.js'
import type { FetcherOwner } from './fetcher.js'
import type { OwnedPartition } from './owned-partition.js'
import type { Ownership } from './ownership.js'
import type { PartitionLog } from './partition-log.js'
import type { Settlement } from './settlement.js'

/** The most that is handed on in one call. */
const chunk = 100

const codecAdvice = {
  kafkajs: `Register its codec in CompressionCodecs of kafkajs, or use driver: 'platformatic'.`,
  platformatic: 'Set the group to an offset behind them.',
} as const

export interface IntakeParts {
  readonly context: BrokerContext
  readonly source: Source
  readonly receive: Receive
  readonly client: KafkaClient
  readonly ownership: Ownership
  readonly commits: CommitLoop
  readonly settlement: Settlement
  failed(error: Error): void
  recovered(): void
  /** These have to be looked at anew: what was there is gone or begins elsewhere. */
  reload(partitions: readonly OwnedPartition[]): Promise<void>
}

/** From what is fetched to what core gets: in order, one call at a time, never before it is due, never more than a commit has announced. */
export class Intake implements FetcherOwner {
  readonly #parts: IntakeParts
  readonly #topic: string
  readonly #retryTopic: string
  readonly #delays: DelayLine
  #turn: Promise<unknown> = Promise.resolve()
  #committed: (() => void) | undefined
  paused = false
  #stopped = false

  constructor(parts: IntakeParts) {
    this.#parts = parts
    const { names } = parts.context
    this.#topic = names.topic(parts.source.destination)
    this.#retryTopic = names.retryTopic(parts.source.group, parts.source.destination)
    this.#delays = new DelayLine((due) => void this.#inTurn(() => this.#hand(due)))
  }

  get delayed(): number {
    return this.#delays.size
  }

  /** Hands nothing on any more. */
  stop(): void {
    this.#stopped = true
    this.wake()
    this.letGo(() => true)
  }

  /** Something changed that a hand-out may wait for. */
  wake(): void {
    this.#committed?.()
  }

  /** What waits for its time is for others. */
  letGo(chosen: (delivery: KafkaDelivery) => boolean): void {
    for (const delivery of this.#delays.remove(chosen)) delivery.log.release(delivery.record.offset)
  }

  positions(): readonly Position[] {
    if (this.paused || this.#stopped) return []
    return this.#parts.ownership.all
      .filter(({ isReading, blocked }) => isReading && blocked === undefined)
      .flatMap(({ logs }) => logs)
      .filter(({ isFull }) => !isFull)
      .map(({ topic, partition, position }) => ({ topic, partition, offset: position }))
  }

  take(fetched: Fetched, from: number): Promise<void> {
    return this.#inTurn(() => this.#takeAll(fetched, from))
  }

  async gone(positions: readonly Position[], error: DriverError): Promise<void> {
    if (error.kind === 'codec' && positions.length > 1) {
      // which of them it is only shows one by one
      for (const position of positions) await this.#fetchOne(position)
      return
    }
    const missed = error.kind === 'out-of-range' ? await this.#missed(positions) : positions
    const numbers = new Set(missed.map(({ partition }) => partition))
    const affected = this.#parts.ownership.all.filter(({ number }) => numbers.has(number))
    if (error.kind !== 'codec') return this.#parts.reload(affected)
    for (const owned of affected) this.#block(owned, error)
  }

  /** Those whose next offset is not there: the others of the same request go on with what they have in hand. */
  async #missed(positions: readonly Position[]): Promise<readonly Position[]> {
    const { client } = this.#parts
    const topics = [...new Set(positions.map(({ topic }) => topic))]
    const ranges = await Promise.all(
      topics.map(async (topic) => ({
        topic,
        first: await client.offsets(topic, 'earliest'),
        next: await client.offsets(topic, 'latest'),
      })),
    )
    return positions.filter(({ topic, partition, offset }) => {
      const range = ranges.find((each) => each.topic === topic)
      return offset < (range?.first.get(partition) ?? 0) || offset > (range?.next.get(partition) ?? 0)
    })
  }

  failed(error: Error): void {
    this.#parts.failed(error)
  }

  recovered(): void {
    this.#parts.recovered()
  }

  async #fetchOne(position: Position): Promise<void> {
    const { client, context } = this.#parts
    try {
      for (const [node, mine] of await client.leaders([position])) {
        const fetched = await client.fetch(node, mine, { maxWaitMs: 0, maxBytes: context.options.maxFetchBytes })
        for (const each of fetched) await this.take(each, position.offset)
      }
    } catch (error) {
      if (!isDriverError(error, 'codec')) return this.failed(toError(error))
      await this.gone([position], error)
    }
  }

  #block(owned: OwnedPartition, error: DriverError): void {
    if (owned.blocked !== undefined) return
    const { context } = this.#parts
    owned.blocked = `Partition ${owned.number} of "${this.#topic}" holds records in a compression that can't be read, and is not read on: ${error.message}. ${codecAdvice[context.options.driver]}`
    context.report({ kind: 'warning', detail: owned.blocked, error })
  }

  async #takeAll(fetched: Fetched, from: number): Promise<void> {
    const owned = this.#parts.ownership.get(fetched.partition)
    const log = owned?.logOf(fetched.topic)
    if (owned === undefined || log === undefined) return
    // asked for before the partition was lost and came back: between its position and this there is what was never handled
    if (from > log.position) return
    const most = Math.max(1, Math.min(this.#parts.source.window, chunk))
    let batch: KafkaDelivery[] = []
    for (const record of fetched.records) {
      if (record.offset < log.position) continue
      if (record.offset >= log.allowedBelow) {
        await this.#hand(batch)
        batch = []
        await this.#allowed(owned, log, record.offset)
      }
      if (this.#stopped || this.paused || !owned.isReading || log.isFull) return this.#hand(batch)
      const delivery = this.#taken(owned, log, record)
      if (delivery !== undefined) batch.push(delivery)
      if (batch.length < most) continue
      await this.#hand(batch)
      batch = []
    }
    await this.#hand(batch)
    const last = fetched.records.at(-1)
    if (!this.#stopped && owned.isReading && (last === undefined || last.offset < log.position)) log.skip(fetched.next)
  }

  /** Until a commit says that it may be handed out. */
  async #allowed(owned: OwnedPartition, log: PartitionLog, offset: number): Promise<void> {
    while (offset >= log.allowedBelow && !this.#stopped && owned.isReading) {
      const committed = new Promise<void>((resolve) => (this.#committed = resolve))
      log.touch()
      this.#parts.commits.urge()
      await committed
    }
    this.#committed = undefined
  }

  #taken(owned: OwnedPartition, log: PartitionLog, record: IncomingRecord): KafkaDelivery | undefined {
    const { source, settlement } = this.#parts
    const decoded = decodeRecord(source.destination, record)
    const taken = log.take(record.offset, decoded.dueAt)
    if (taken === undefined) return undefined
    const isAgain = log.topic === this.#retryTopic
    if (isAgain && decoded.done !== undefined) {
      this.#finish(decoded.done)
      log.settle(record.offset)
      return undefined
    }
    const delivery = new KafkaDelivery(settlement, owned, log, record, decoded, taken)
    if (decoded.dueAt <= Date.now()) return delivery
    if (isAgain) this.#delays.add(delivery, decoded.dueAt)
    else settlement.postpone(delivery, decoded.dueAt)
    return undefined
  }

  /** The process that held it has finished it. */
  #finish(hold: string): void {
    for (const delivery of this.#delays.remove((each) => each.hold === hold)) delivery.log.settle(delivery.record.offset)
  }

  async #hand(deliveries: readonly KafkaDelivery[]): Promise<void> {
    const wanted = deliveries.filter((delivery) => {
      if (!this.#stopped && delivery.owned.isReading) return true
      delivery.log.release(delivery.record.offset)
      return false
    })
    if (wanted.length === 0) return
    for (const delivery of wanted) this.#parts.settlement.handed(delivery)
    this.#parts.context.counts.delivered += wanted.length
    this.#parts.commits.wake()
    await this.#parts.receive(wanted)
  }

  /** One call of `receive` at a time, whatever it comes from. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}
