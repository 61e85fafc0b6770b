import { type DeadLetter, type GroupDescription, type Receive, type Source, SubscriptionError, type WireMessage } from '@interline/core'
import { endsSegment } from '../segmented-log.js'
import type { BrokerState } from './broker-state.js'
import { DeliveryList } from './delivery-list.js'
import type { Destination } from './destination.js'
import { KeyLanes } from './key-lanes.js'
import { MemoryConsumer } from './memory-consumer.js'
import { MemoryDelivery } from './memory-delivery.js'

/** What one group has read of a destination, what it has in hand, and what comes again. */
export class GroupQueue {
  readonly name: string
  readonly state: BrokerState
  /** What the name of each of its deliveries begins with. */
  readonly refPrefix: string
  /** A broadcast consumer's own queue, which ends with it. */
  readonly broadcast: boolean
  /** The dispatcher's. */
  nextInRound: GroupQueue | undefined = undefined
  readonly #destination: Destination
  readonly #again = new DeliveryList()
  readonly #lanes = new KeyLanes()
  #ordered: boolean
  #consumers: readonly MemoryConsumer[] = []
  #turn = 0
  #position: number
  /** Read from the log and not settled. */
  #open = 0
  #delayed = 0
  #enlisted = false
  #removed = false

  constructor(destination: Destination, source: Source, position: number, state: BrokerState) {
    this.name = source.group
    this.state = state
    this.refPrefix = `${destination.name}:${state.instance}:`
    this.#destination = destination
    this.broadcast = source.broadcast
    this.#ordered = source.order === 'key'
    this.#position = position
  }

  /** Position of the first message that the group has not read. */
  get position(): number {
    return this.#position
  }

  /** Messages that the group has not handled, wherever they are. */
  get lag(): number {
    return this.#destination.log.head - this.#position + this.#open
  }

  /** Whether all of its keys have one owner. */
  get isLone(): boolean {
    return this.#consumers.length === 1
  }

  describe(): GroupDescription {
    const unsettled = this.#consumers.reduce((sum, consumer) => sum + consumer.inHand.size, 0)
    const consumers = this.#consumers.length
    return { group: this.name, destination: this.#destination.name, lag: this.lag, unsettled, delayed: this.#delayed, consumers }
  }

  join({ order, window }: Source, receive: Receive): MemoryConsumer {
    const ordered = order === 'key'
    if (this.#consumers.length === 0) this.#ordered = ordered
    else if (this.#ordered !== ordered) throw this.#otherOrder(order)
    if (ordered && this.#consumers.length === 1) this.#adoptKeys(this.#consumers[0] as MemoryConsumer)
    const consumer = new MemoryConsumer(this, receive, window, this.state.report)
    this.#membersAre([...this.#consumers, consumer])
    this.wake()
    return consumer
  }

  /** Gives what the consumer has in hand to the others, in its old order. */
  leave(consumer: MemoryConsumer): void {
    this.#membersAre(this.#consumers.filter((member) => member !== consumer))
    for (let delivery = consumer.inHand.first; delivery !== undefined; delivery = consumer.inHand.first) {
      this.comeAgain(delivery, delivery.again(delivery.progress, delivery.redelivered || !delivery.released), 0)
    }
    if (this.broadcast) this.#destination.remove(this)
  }

  /** Nothing of it comes any more. */
  end(): void {
    this.#removed = true
  }

  /** Asks the dispatcher for a turn. */
  enlist(): void {
    if (this.#enlisted || this.#consumers.length === 0) return
    this.#enlisted = true
    this.state.dispatcher.add(this)
  }

  /** Goes on soon, where there is something to hand out. */
  wake(): void {
    if (!this.#hasWork()) return
    this.enlist()
    this.state.dispatcher.soon()
  }

  /** Hands the next deliveries to one consumer that has room; answers how many. Called by the dispatcher, in the group's turn. */
  dispatch(limit: number): number {
    this.#enlisted = false
    const consumers = this.#consumers
    for (let tried = 0; tried < consumers.length; tried++) {
      if (++this.#turn >= consumers.length) this.#turn = 0
      const consumer = consumers[this.#turn] as MemoryConsumer
      const batch = this.#take(consumer, Math.min(consumer.room, limit))
      if (batch === undefined) continue
      this.state.counters.delivered += batch.length
      consumer.hand(batch)
      if (this.#hasWork()) this.enlist()
      return batch.length
    }
    return 0
  }

  /** The delivery is done with. */
  settle(delivery: MemoryDelivery): void {
    this.#open--
    this.#release(delivery)
  }

  /** The delivery is replaced by its next one. */
  comeAgain(delivery: MemoryDelivery, next: MemoryDelivery, afterMs: number): void {
    const key = this.#ordered ? next.message.key : undefined
    if (afterMs > 0) {
      this.#delayed++
      if (key !== undefined) this.#lanes.hold(next, key)
      this.state.delayed.add(next, afterMs)
    } else if (key !== undefined) this.#lanes.comeAgain(next, key)
    else this.#again.insert(next)
    this.#release(delivery)
  }

  /** The time of a delayed delivery has come. */
  due(delivery: MemoryDelivery): void {
    if (this.#removed) return
    this.#delayed--
    if (delivery.lane === undefined) this.#again.insert(delivery)
    else this.#lanes.resume(delivery.lane, delivery)
    this.enlist()
  }

  keep(letters: readonly DeadLetter[]): void {
    if (letters.length === 0) return
    this.state.deadLetters.add(letters)
    this.state.counters.deadLettered += letters.length
  }

  #membersAre(consumers: readonly MemoryConsumer[]): void {
    this.#consumers = consumers
    if (this.#ordered) for (const consumer of consumers) consumer.membersChanged()
  }

  #hasWork(): boolean {
    return this.#position < this.#destination.log.head || this.#again.size > 0 || this.#lanes.open
  }

  #release(delivery: MemoryDelivery): void {
    delivery.inHand = false
    delivery.holder?.inHand.remove(delivery)
    if (delivery.lane !== undefined) this.#lanes.release(delivery.lane)
    this.wake()
  }

  #take(consumer: MemoryConsumer, most: number): MemoryDelivery[] | undefined {
    if (most <= 0) return undefined
    const first = this.#next(consumer)
    if (first === undefined) return undefined
    const batch = [first]
    const share = this.#share(most)
    while (batch.length < share) {
      const next = this.#next(consumer)
      if (next === undefined) break
      batch.push(next)
    }
    return batch
  }

  /** Competing consumers get equal parts of what is there. */
  #share(most: number): number {
    const consumers = this.#consumers.length
    if (consumers === 1) return most
    return Math.min(most, Math.ceil((this.#destination.log.head - this.#position + this.#again.size + 1) / consumers))
  }

  #next(consumer: MemoryConsumer): MemoryDelivery | undefined {
    const waiting = this.#lanes.takeFor(consumer)
    if (waiting !== undefined) return waiting
    for (;;) {
      const delivery = this.#again.shift() ?? this.#read()
      if (delivery === undefined || !this.#ordered) return delivery
      const { key } = delivery.message
      if (key === undefined || this.#undisputed() || this.#lanes.admit(delivery, key, consumer)) return delivery
    }
  }

  /** A lone consumer gets everything in order anyway, unless something of a key is held back. */
  #undisputed(): boolean {
    return this.#consumers.length === 1 && this.#lanes.empty
  }

  /** What the first consumer has in hand keeps its keys from the second. */
  #adoptKeys(consumer: MemoryConsumer): void {
    for (let delivery = consumer.inHand.first; delivery !== undefined; delivery = delivery.next) {
      const { key } = delivery.message
      if (key !== undefined && delivery.lane === undefined) this.#lanes.adopt(delivery, key, consumer)
    }
  }

  #read(): MemoryDelivery | undefined {
    const { log } = this.#destination
    while (this.#position < log.head) {
      const sequence = this.#position++
      const message = log.at(sequence) as WireMessage
      if (endsSegment(this.#position)) this.#destination.trim()
      const { target } = message
      if (target !== undefined && target.group !== this.name) continue
      this.#open++
      return new MemoryDelivery(this, message, sequence, target?.progress, false)
    }
    return undefined
  }

  #otherOrder(order: string): SubscriptionError {
    return new SubscriptionError(
      `Group "${this.name}" already reads "${this.#destination.name}" with another order than '${order}'. All consumers of a group need the same: give this one another group.`,
    )
  }
}
