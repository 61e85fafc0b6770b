import { randomUUID } from 'node:crypto'
import { Bell, type Consumer, pause, type Receive, type Source, toError } from '@interline/core'
import type { BrokerContext } from './context.js'
import { DuePump } from './due-pump.js'
import { createGroup, removeConsumers } from './groups.js'
import { Heartbeat } from './heartbeat.js'
import { Intake } from './intake.js'
import { Maintenance } from './maintenance.js'
import { giveBack, join, keepJoined, leave, type Member } from './membership.js'
import { Partition } from './partition.js'
import { type LeaseListener, PartitionLeases } from './partition-leases.js'
import type { RedisDelivery } from './redis-delivery.js'
import { Settlement, type SettlementOwner } from './settlement.js'
import type { Repeat } from './waiting.js'

/** How long to wait for more room before fetching little. */
const lingerMs = 5
/** How many entries one read asks for, where the window allows it. */
const chunk = 100

/**
 * One consumer of one group at one destination. What it does with an error is always the same: wait a little, and go on; only `stop` ends
 * it. After a reconnect it first looks for what is pending under its name and never reached it.
 */
export class GroupConsumer implements Consumer, SettlementOwner, LeaseListener {
  readonly group: string
  readonly consumer: string = randomUUID()
  readonly #context: BrokerContext
  readonly #source: Source
  readonly #receive: Receive
  readonly #partitions: readonly Partition[]
  readonly #member: Member
  readonly #settlement: Settlement
  readonly #leases: PartitionLeases | undefined
  readonly #intake: Intake
  readonly #heartbeat: Heartbeat
  readonly #joined: Repeat
  readonly #pump: DuePump
  readonly #maintenance: Maintenance
  readonly #bell = new Bell()
  readonly #chunk: number
  #buffer: RedisDelivery[] = []
  #unsettled = 0
  #paused = false
  #stopped = false
  #fetching: Promise<unknown> = Promise.resolve()
  /** The next fetch, begun while what the last one brought is handled. */
  #ahead: Promise<readonly RedisDelivery[]> | undefined
  #backlog = false

  constructor(context: BrokerContext, source: Source, receive: Receive) {
    this.#context = context
    this.#source = source
    this.#receive = receive
    this.group = source.group
    const { destination, group, order, window } = source
    this.#chunk = Math.max(Math.min(window, chunk), Math.ceil(window / 4))
    this.#partitions = Array.from(
      { length: context.options.partitions },
      (_, index) => new Partition(context.keys, destination, index, group),
    )
    this.#member = { group, consumer: this.consumer, destination, order }
    this.#settlement = new Settlement(context.control, context.keys, this, context.counts)
    this.#leases = order === 'key' ? new PartitionLeases(context, this.#partitions, this.#member, this) : undefined
    this.#intake = new Intake(context, source, this.consumer, this.#partitions, this.#settlement, this.#leases)
    this.#heartbeat = new Heartbeat(context, this.#partitions, this.#member, (delivery) => this.#lose(delivery))
    this.#joined = keepJoined(context, this.#member)
    this.#pump = new DuePump(context, this.#partitions)
    this.#maintenance = new Maintenance(context, this.#partitions, destination, group)
  }

  /** Resolves when the group takes part in what is published from now on. */
  async start(start: string): Promise<void> {
    const { destination, group } = this.#source
    await createGroup(this.#context, destination, group, start)
    if (this.#leases === undefined) {
      await join(this.#context, this.#member)
      this.#joined.within(this.#context.options.claimIdleMs / 4)
      this.#heartbeat.start()
      for (const partition of this.#partitions) partition.phase = 'reading'
    } else {
      await this.#leases.start()
    }
    this.#pump.within(0)
    this.#maintenance.start()
    void this.#run()
  }

  get unsettled(): number {
    return this.#unsettled
  }

  pause(): void {
    this.#paused = true
    this.#intake.wake()
  }

  resume(): void {
    this.#paused = false
    this.#bell.ring()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#bell.ring()
    this.#intake.wake()
    await this.#fetching
  }

  async close(): Promise<void> {
    await this.stop()
    await this.#settlement.flush()
    await Promise.all([this.#leases, this.#heartbeat, this.#joined, this.#pump, this.#maintenance].map((part) => part?.stop()))
    this.#intake.close()
    try {
      await this.#leaveGroup()
    } catch (error) {
      const detail = 'A consumer could not give back what it held; others wait until its time is up.'
      this.#context.report({ kind: 'warning', detail, error: toError(error) })
    }
  }

  ended(delivery: RedisDelivery, settled: boolean): void {
    const { stream } = delivery
    if (stream.inHand.get(delivery.id) === delivery) stream.inHand.delete(delivery.id)
    if (delivery.handed) this.#unsettled--
    if (!settled) this.#doubt(delivery)
    this.#lessInHand(delivery)
  }

  released(delivery: RedisDelivery): void {
    this.#unsettled--
    this.#lessInHand(delivery)
  }

  retrying(afterMs: number): void {
    this.#pump.within(afterMs + 1)
  }

  failed(error: unknown): void {
    this.#context.report({ kind: 'warning', detail: 'A settlement failed; the event comes again.', error: toError(error) })
  }

  taken(): void {
    this.#intake.wake()
    this.#bell.ring()
  }

  lost(partition: Partition): void {
    for (const stream of partition.streams) {
      for (const delivery of [...stream.inHand.values()]) this.#lose(delivery)
    }
    this.#intake.wake()
  }

  draining(partition: Partition): void {
    this.#buffer = this.#buffer.filter((delivery) => delivery.stream.partition !== partition)
    this.#intake.wake()
  }

  beingRead(partition: Partition): boolean {
    if (!this.#intake.reads(partition)) return false
    this.#intake.wake()
    return true
  }

  #lose(delivery: RedisDelivery): void {
    if (delivery.ended) return
    delivery.lose()
    this.ended(delivery, true)
  }

  /**
   * What became of a delivery nobody knows. Core was told that its ownership is lost, and takes nothing more under it; so where the lease
   * holds all the same, it is taken anew, and everything that is pending comes again in its order.
   */
  #doubt({ stream: { partition }, fence }: RedisDelivery): void {
    this.#intake.doubt()
    if (!this.#stopped && partition.fence === fence) this.#leases?.lose(partition)
  }

  #lessInHand({ stream: { partition } }: RedisDelivery): void {
    if (partition.phase === 'draining' && partition.handed === 0) this.#leases?.hurry()
    this.#bell.ring()
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#stopped) {
      try {
        await this.#turn()
        failures = 0
      } catch (error) {
        if (this.#stopped) return
        await this.#recover(toError(error), failures++)
      }
    }
  }

  /** One round: hand out what is there, else wait for room and fetch. */
  async #turn(): Promise<void> {
    if (this.#paused) return this.#bell.wait()
    const { window } = this.#source
    if (this.#buffer.length > 0) {
      this.#buffer = this.#buffer.filter((delivery) => !delivery.ended)
      const room = window - this.#unsettled
      if (this.#buffer.length > 0 && room > 0) {
        await this.#fetchAhead(room - this.#buffer.length)
        return this.#handOut(this.#buffer.splice(0, room).filter((delivery) => !delivery.ended))
      }
    }
    if (this.#ahead === undefined && this.#unsettled >= window) return this.#bell.wait()
    const fetching = this.#ahead ?? this.#fetchWithRoom()
    this.#ahead = undefined
    const fetched = await fetching
    this.#backlog = fetched.length >= this.#chunk / 2
    this.#buffer.push(...fetched)
    if (fetched.length === 0 && this.#leases !== undefined) await this.#untilOwner()
  }

  async #fetchWithRoom(): Promise<readonly RedisDelivery[]> {
    const { window } = this.#source
    const enough = Math.min(this.#chunk, window / 2)
    const until = performance.now() + lingerMs
    while (window - this.#unsettled < enough && performance.now() < until) {
      await this.#bell.wait(until - performance.now())
      if (this.#stopped || this.#paused) return []
    }
    return this.#fetch(Math.max(1, window - this.#unsettled))
  }

  #fetch(room: number): Promise<readonly RedisDelivery[]> {
    const fetching = this.#intake.fetch(Math.min(this.#chunk, room))
    // `stop` waits for it; who awaits it is told what goes wrong
    this.#fetching = fetching.catch(() => undefined)
    return fetching
  }

  /** Where there is more than fits into one read, the server is at the next one while this one is handled. */
  async #fetchAhead(room: number): Promise<void> {
    if (!this.#backlog || this.#ahead !== undefined || this.#stopped || room < this.#chunk) return
    this.#ahead = this.#fetch(room)
    // until it is sent
    await new Promise(setImmediate)
  }

  /** A consumer without a partition has nothing to wait for but a lease. */
  async #untilOwner(): Promise<void> {
    if (this.#partitions.every(({ phase }) => phase === 'away' || phase === 'draining')) await this.#bell.wait(100)
  }

  async #handOut(deliveries: readonly RedisDelivery[]): Promise<void> {
    for (const delivery of deliveries) delivery.handed = true
    this.#unsettled += deliveries.length
    this.#context.counts.delivered += deliveries.length
    await this.#receive(deliveries)
  }

  async #recover(error: Error, failures: number): Promise<void> {
    const { destination, group } = this.#source
    this.#intake.doubt()
    if (/NOGROUP|no longer exists/.test(error.message)) {
      try {
        await this.#createAgain()
        return
      } catch (cause) {
        this.#context.report({ kind: 'warning', detail: `Group "${group}" could not be created again.`, error: toError(cause) })
      }
    } else if (!/^UNBLOCKED/.test(error.message)) {
      this.#context.report({ kind: 'warning', detail: `Reading "${destination}" failed; it is tried again.`, error })
    }
    await pause(Math.min(50 * 2 ** failures, 1_000))
  }

  async #createAgain(): Promise<void> {
    const { destination, group } = this.#source
    await this.#context.destinations.ensure(destination, true)
    const created = await createGroup(this.#context, destination, group, '0')
    if (created === 0) return
    const detail = `Group "${group}" was gone in ${created} partitions of "${destination}" and was created again; what it had not handled may be lost.`
    this.#context.report({ kind: 'loss', detail, destination, group })
  }

  async #leaveGroup(): Promise<void> {
    const held = this.#partitions.filter((partition) => partition.phase !== 'away')
    await Promise.all(held.map((partition) => giveBack(this.#context, this.#member, partition)))
    for (const partition of held) {
      partition.phase = 'away'
      this.lost(partition)
    }
    await leave(this.#context, this.#member)
    await removeConsumers(this.#context, this.#partitions, [this.group, String(Number.MAX_SAFE_INTEGER), this.consumer])
  }
}
