import { type Consumer, type DeadLetter, type Receive, type Retry, type Source, toError } from '@interline/core'
import type { BrokerContext } from '../context.js'
import type { DriverError, Fetched, IncomingRecord, KafkaClient, Position } from '../drivers/driver.js'
import { isDriverError } from '../drivers/driver.js'
import { letterRecords } from '../kafka-dead-letter-store.js'
import { KafkaDelivery, type Settler } from '../kafka-delivery.js'
import { decodeRecord, dueHeader, headersOf, progressHeader, refHeader } from '../kafka-message.js'
import { pause } from '../waiting.js'
import { CommitLoop } from './commit-loop.js'
import { DelayLine } from './delay-line.js'
import { Fetcher, type FetcherOwner } from './fetcher.js'
import { Membership, type MembershipListener } from './membership.js'
import type { OwnedPartition } from './owned-partition.js'
import { createGroup, Ownership } from './ownership.js'
import type { PartitionLog } from './partition-log.js'

/** How long a consumer that was stopped keeps what it does not need before it tells the group; most are closed at once. */
const retireAfterMs = 150
const lastWordLimitMs = 3_000

/**
 * One consumer of one group at one destination, and of what comes again for that group. Its work in hand is bound to partitions that it
 * owns; what it does with an error is to wait a little, and go on: only `stop` ends it.
 */
export class GroupConsumer implements Consumer, Settler, FetcherOwner, MembershipListener {
  readonly group: string
  readonly destination: string
  leaving = false
  readonly #context: BrokerContext
  readonly #source: Source
  readonly #receive: Receive
  readonly #topic: string
  readonly #retryTopic: string
  readonly #client: KafkaClient
  readonly #ownership: Ownership
  readonly #membership: Membership
  readonly #commits: CommitLoop
  readonly #fetcher: Fetcher
  readonly #delays: DelayLine
  readonly #ended = new AbortController()
  #turn: Promise<unknown> = Promise.resolve()
  #unsettled = 0
  #paused = false
  #stopped = false
  #failing: string | undefined
  #rejoining: ReturnType<typeof setTimeout> | undefined
  #room: (() => void) | undefined

  constructor(context: BrokerContext, source: Source, receive: Receive) {
    this.#context = context
    this.#source = source
    this.#receive = receive
    this.group = source.group
    this.destination = source.destination
    const { names, options, driver } = context
    this.#topic = names.topic(source.destination)
    this.#retryTopic = names.retryTopic(source.group, source.destination)
    const topics = [this.#topic, this.#retryTopic]
    const group = names.group(source.group, source.destination)
    this.#client = driver()
    this.#ownership = new Ownership(context, this.#client, source, topics)
    const { sessionTimeoutMs, heartbeatIntervalMs, commitIntervalMs, maxWaitTimeInMs: maxWaitMs, maxFetchBytes: maxBytes } = options
    this.#membership = new Membership(this.#client, { group, topics, sessionTimeoutMs, heartbeatIntervalMs }, this)
    const logs = (): Iterable<PartitionLog> => this.#ownership.logs()
    this.#commits = new CommitLoop(this.#client, group, this.#membership, commitIntervalMs, logs, (error) => this.failed(error))
    this.#commits.onCommitted = () => this.#room?.()
    this.#fetcher = new Fetcher(this.#client, { maxWaitMs, maxBytes }, this)
    this.#delays = new DelayLine((due) => void this.#inTurn(() => this.#hand(due)))
  }

  /** Resolves when the group takes part in what is published from now on. */
  async start(): Promise<void> {
    const isNew = await createGroup(this.#context, this.#source, [this.#topic, this.#retryTopic])
    this.#membership.start()
    this.#commits.start()
    this.#fetcher.start()
    // a member keeps others from giving the new group another beginning
    if (isNew) await this.#membership.joined()
  }

  get unsettled(): number {
    return this.#unsettled
  }

  get delayed(): number {
    return this.#delays.size
  }

  /** Why it does not get on, in words; `undefined` where it does. */
  get trouble(): string | undefined {
    return this.#ownership.all.find(({ blocked }) => blocked !== undefined)?.blocked ?? this.#failing
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#fetcher.wake()
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.leaving = true
    this.#room?.()
    for (const delivery of this.#delays.remove(() => true)) this.#letGo(delivery)
    await this.#fetcher.stop()
    const retire = (): void => {
      if (!this.#ended.signal.aborted) this.#retire()
    }
    setTimeout(retire, retireAfterMs)
  }

  async close(): Promise<void> {
    await this.stop()
    if (this.#ended.signal.aborted) return
    this.#ended.abort()
    clearTimeout(this.#rejoining)
    await this.#commits.stop()
    try {
      const logs = [...this.#ownership.logs()]
      if (logs.length > 0 && this.#membership.member !== undefined) await this.#commits.final(logs, lastWordLimitMs)
      for (const owned of this.#ownership.all) this.#lose(owned)
      await this.#membership.stop()
    } catch (error) {
      const detail = 'A consumer could not leave its group; others wait until its session is over.'
      this.#context.report({ kind: 'warning', detail, error: toError(error) })
    }
    await this.#client.close()
  }

  // the group

  owned(): readonly number[] {
    return this.#ownership.numbers
  }

  async partitionCount(): Promise<number> {
    return (await this.#client.partitionCount(this.#topic)) ?? 0
  }

  assigned(partitions: readonly number[], surplus: readonly number[]): void {
    this.recovered()
    for (const owned of this.#ownership.all) if (!partitions.includes(owned.number)) this.#lose(owned)
    const added = partitions.filter((number) => this.#ownership.get(number) === undefined).map((number) => this.#ownership.add(number))
    if (added.length > 0) void this.#load(added)
    for (const number of surplus) {
      const owned = this.#ownership.get(number)
      if (owned?.isReading === true) void this.#surrender(owned)
    }
    this.#commits.wake()
  }

  fenced(): void {
    for (const owned of this.#ownership.all) this.#lose(owned)
  }

  failed(error: Error): void {
    if (this.#ended.signal.aborted) return
    if (this.#failing === undefined) {
      this.#context.report({ kind: 'disconnected', detail: `The consumer of group "${this.group}" waits for Kafka.`, error })
    }
    this.#failing = error.message
  }

  recovered(): void {
    if (this.#failing === undefined) return
    this.#failing = undefined
    this.#context.report({ kind: 'connected', detail: `The consumer of group "${this.group}" is back.` })
  }

  async #load(added: readonly OwnedPartition[]): Promise<void> {
    while (!this.#ended.signal.aborted && added.some(({ lost }) => !lost.signal.aborted)) {
      try {
        await this.#ownership.load(added)
        this.#commits.wake()
        this.#fetcher.wake()
        return
      } catch (error) {
        if (isDriverError(error, 'unknown-topic')) await this.#provide().catch((again: unknown) => this.failed(toError(again)))
        else this.failed(toError(error))
        await pause(100)
      }
    }
  }

  /** Gives it up in good order: nothing of it is begun any more, what runs may finish, and the next owner learns how it stands. */
  async #surrender(owned: OwnedPartition): Promise<void> {
    owned.leaving.abort()
    for (const delivery of this.#delays.remove((each) => each.owned === owned)) this.#letGo(delivery)
    const until = performance.now() + this.#context.options.handOverTimeoutMs
    while (owned.inHand > 0 && !owned.lost.signal.aborted && performance.now() < until) await pause(5)
    await this.#giveUp([owned])
  }

  async #giveUp(partitions: readonly OwnedPartition[]): Promise<void> {
    const mine = partitions.filter(({ lost }) => !lost.signal.aborted)
    if (mine.length === 0 || this.#ended.signal.aborted) return
    for (const { leaving } of mine) leaving.abort()
    await this.#commits.final(
      mine.flatMap(({ logs }) => logs),
      lastWordLimitMs,
    )
    for (const owned of mine) this.#lose(owned)
    this.#rejoining ??= setTimeout(() => {
      this.#rejoining = undefined
      this.#membership.rejoin()
    }, 5)
  }

  /** A consumer that was stopped keeps only what its handlers are busy with. */
  #retire(): void {
    const idle = this.#ownership.all.filter(({ inHand }) => inHand === 0)
    if (idle.length > 0) void this.#giveUp(idle)
  }

  #lose(owned: OwnedPartition): void {
    if (owned.lost.signal.aborted) return
    this.#ownership.remove(owned)
    this.#delays.remove((delivery) => delivery.owned === owned)
    owned.lost.abort()
    for (const delivery of owned.handed) this.#end(delivery)
    this.#commits.lost(owned.logs)
    this.#room?.()
  }

  async #provide(): Promise<void> {
    const { topics } = this.#context
    topics.forget(this.#topic)
    topics.forget(this.#retryTopic)
    await topics.ensureOwn(this.#retryTopic, await topics.ensure(this.#topic))
  }

  // what is fetched

  positions(): readonly Position[] {
    if (this.#paused || this.#stopped) return []
    return this.#ownership.all
      .filter(({ isReading, blocked }) => isReading && blocked === undefined)
      .flatMap(({ logs }) => logs)
      .filter(({ isFull }) => !isFull)
      .map(({ topic, partition, position }) => ({ topic, partition, offset: position }))
  }

  take(fetched: Fetched): Promise<void> {
    return this.#inTurn(() => this.#takeAll(fetched))
  }

  async gone(positions: readonly Position[], error: DriverError): Promise<void> {
    if (error.kind === 'codec' && positions.length > 1) {
      // which of them it is only shows one by one
      for (const position of positions) await this.#fetchOne(position)
      return
    }
    const numbers = new Set(positions.map(({ partition }) => partition))
    const affected = this.#ownership.all.filter(({ number }) => numbers.has(number))
    if (error.kind === 'codec') {
      for (const owned of affected) this.#block(owned, error)
      return
    }
    await this.#provide()
    // what was there is lost or begins elsewhere; a fresh look says which
    const again = affected.map((owned) => {
      this.#lose(owned)
      return this.#ownership.add(owned.number)
    })
    await this.#load(again)
  }

  async #fetchOne(position: Position): Promise<void> {
    try {
      const options = { maxWaitMs: 0, maxBytes: this.#context.options.maxFetchBytes }
      for (const [node, mine] of await this.#client.leaders([position])) {
        for (const each of await this.#client.fetch(node, mine, options)) await this.take(each)
      }
    } catch (error) {
      if (isDriverError(error, 'codec')) await this.gone([position], error)
      else throw error
    }
  }

  #block(owned: OwnedPartition, error: DriverError): void {
    if (owned.blocked !== undefined) return
    owned.blocked = `Partition ${owned.number} of "${this.#topic}" holds records in a compression that kafkajs can't read, and is not read on: ${error.message}. Register its codec in CompressionCodecs of kafkajs.`
    this.#context.report({ kind: 'warning', detail: owned.blocked, error })
  }

  async #takeAll(fetched: Fetched): Promise<void> {
    const owned = this.#ownership.get(fetched.partition)
    const log = owned?.logOf(fetched.topic)
    if (owned === undefined || log === undefined) return
    const most = Math.max(1, Math.min(this.#source.window, 100))
    let batch: KafkaDelivery[] = []
    for (const record of fetched.records) {
      if (record.offset < log.position) continue
      if (record.offset >= log.allowedBelow) {
        await this.#hand(batch)
        batch = []
        await this.#allowed(owned, log, record.offset)
      }
      if (this.#stopped || this.#paused || !owned.isReading || log.isFull || this.#ownership.get(owned.number) !== owned) {
        await this.#hand(batch)
        return
      }
      const delivery = this.#taken(owned, log, record)
      if (delivery !== undefined) batch.push(delivery)
      if (batch.length < most) continue
      await this.#hand(batch)
      batch = []
    }
    await this.#hand(batch)
    if (!this.#stopped && owned.isReading && log.position <= fetched.next && fetched.records.every(({ offset }) => offset < log.position)) {
      log.skip(fetched.next)
    }
  }

  /** Until a commit says that it may be handed out. */
  async #allowed(owned: OwnedPartition, log: PartitionLog, offset: number): Promise<void> {
    while (offset >= log.allowedBelow && !this.#stopped && owned.isReading) {
      const committed = new Promise<void>((resolve) => (this.#room = resolve))
      log.touch()
      this.#commits.wake()
      await committed
    }
    this.#room = undefined
  }

  #taken(owned: OwnedPartition, log: PartitionLog, record: IncomingRecord): KafkaDelivery | undefined {
    const decoded = decodeRecord(this.destination, record)
    const taken = log.take(record.offset, decoded.dueAt)
    if (taken === undefined) return undefined
    const delivery = new KafkaDelivery(this, owned, log, record, decoded, taken)
    if (decoded.dueAt <= Date.now()) return delivery
    if (log.topic === this.#retryTopic) this.#delays.add(delivery, decoded.dueAt)
    else void this.#postpone(delivery, decoded.dueAt)
    return undefined
  }

  /** What was published for later waits in the group's own topic, so that it holds nothing back here. */
  async #postpone(delivery: KafkaDelivery, dueAt: number): Promise<void> {
    const record = this.#later(delivery, dueAt, undefined)
    if (await this.#context.store([record], delivery.lost)) this.#settle(delivery)
  }

  async #hand(deliveries: readonly KafkaDelivery[]): Promise<void> {
    const wanted = deliveries.filter((delivery) => {
      if (!this.#stopped && delivery.owned.isReading) return true
      delivery.log.release(delivery.record.offset)
      return false
    })
    if (wanted.length === 0) return
    this.#unsettled += wanted.length
    this.#context.counts.delivered += wanted.length
    for (const delivery of wanted) delivery.owned.handed.add(delivery)
    this.#commits.wake()
    await this.#receive(wanted)
  }

  /** One call of `receive` at a time, whatever it comes from. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  // settling

  acknowledge(delivery: KafkaDelivery): boolean | Promise<boolean> {
    if (delivery.ended) return false
    this.#context.counts.acked++
    return this.#settled(delivery)
  }

  async note(delivery: KafkaDelivery, progress: string): Promise<boolean> {
    if (delivery.ended) return false
    delivery.log.note(delivery.record.offset, progress)
    return this.#commits.committed(delivery.log)
  }

  async retry(delivery: KafkaDelivery, retry: Retry): Promise<boolean> {
    if (delivery.ended) return false
    const again = this.#later(delivery, Date.now() + retry.afterMs, retry.progress)
    const letters = letterRecords(this.#context.names.deadLetters, retry.deadLetters)
    if (!(await this.#store(delivery, [...letters, again], letters.length > 0))) return false
    this.#context.counts.retried++
    this.#context.counts.deadLettered += letters.length
    return this.#settled(delivery)
  }

  async bury(delivery: KafkaDelivery, letters: readonly DeadLetter[]): Promise<boolean> {
    if (delivery.ended) return false
    if (!(await this.#store(delivery, letterRecords(this.#context.names.deadLetters, letters), true))) return false
    this.#context.counts.deadLettered += letters.length
    return this.#settled(delivery)
  }

  release(delivery: KafkaDelivery): void {
    if (delivery.ended) return
    delivery.log.release(delivery.record.offset)
    this.#end(delivery)
  }

  async #store(delivery: KafkaDelivery, records: Parameters<BrokerContext['store']>[0], hasLetters: boolean): Promise<boolean> {
    const { topics, names, report } = this.#context
    while (hasLetters && !topics.knows(names.deadLetters) && !delivery.lost.aborted) {
      try {
        await topics.ensureOwn(names.deadLetters, 1, true)
      } catch (error) {
        report({ kind: 'warning', detail: 'The topic of dead letters is missing; trying again.', error: toError(error) })
        await pause(500, delivery.lost)
      }
    }
    return (await this.#context.store(records, delivery.lost)) && !delivery.ended
  }

  /** The record as it was, for later and for this group only. In the partition of the same number, which has the same owner. */
  #later(delivery: KafkaDelivery, dueAt: number, progress: string | undefined) {
    const { record, log, ref } = delivery
    const headers = headersOf(record)
    if (progress !== undefined) headers[progressHeader] = progress
    headers[refHeader] = ref
    headers[dueHeader] = String(Math.ceil(dueAt))
    return { topic: this.#retryTopic, partition: log.partition, key: record.key, value: record.value, headers }
  }

  /** A suspect is settled when that is committed: the process may end at once, and its successor would blame it. */
  #settled(delivery: KafkaDelivery): boolean | Promise<boolean> {
    this.#settle(delivery)
    return delivery.redelivered ? this.#commits.committed(delivery.log) : true
  }

  #settle(delivery: KafkaDelivery): void {
    delivery.log.settle(delivery.record.offset)
    this.#commits.wake()
    this.#end(delivery)
  }

  #letGo(delivery: KafkaDelivery): void {
    delivery.log.release(delivery.record.offset)
  }

  #end(delivery: KafkaDelivery): void {
    if (delivery.ended) return
    delivery.ended = true
    if (delivery.owned.handed.delete(delivery)) this.#unsettled--
    if (this.#stopped && delivery.owned.inHand === 0 && this.#ended.signal.aborted === false) {
      this.#rejoining ??= setTimeout(() => {
        this.#rejoining = undefined
        this.#retire()
      }, retireAfterMs)
    }
  }
}
