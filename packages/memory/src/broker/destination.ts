import { type Source, SubscriptionError, type WireMessage } from '@interline/core'
import { endsSegment, SegmentedLog } from '../segmented-log.js'
import type { BrokerState } from './broker-state.js'
import type { Delayed } from './delayed-queue.js'
import { GroupQueue } from './group-queue.js'

/** One log, and the groups that read it. */
export class Destination {
  readonly name: string
  /** A message is stored once, here; groups keep only the position they have read up to. */
  readonly log: SegmentedLog<WireMessage> = new SegmentedLog()
  readonly #state: BrokerState
  readonly #named = new Map<string, GroupQueue>()
  /** Named groups and broadcast ones. */
  #queues: readonly GroupQueue[] = []
  #scheduled = 0

  constructor(name: string, state: BrokerState) {
    this.name = name
    this.#state = state
  }

  get queues(): readonly GroupQueue[] {
    return this.#queues
  }

  /** Messages that wait for their `deliverAt`. */
  get scheduled(): number {
    return this.#scheduled
  }

  /** The group's queue, which begins where the source says if it is new. */
  queueFor(source: Source): GroupQueue {
    const existing = source.broadcast ? undefined : this.#named.get(source.group)
    if (existing !== undefined) return existing
    const queue = new GroupQueue(this, source, this.#startOf(source), this.#state)
    if (!source.broadcast) this.#named.set(source.group, queue)
    this.#queues = [...this.#queues, queue]
    return queue
  }

  removeGroup(name: string): void {
    const queue = this.#named.get(name)
    if (queue === undefined) return
    const { consumers } = queue.describe()
    if (consumers > 0)
      throw new SubscriptionError(`Group "${name}" of "${this.name}" has ${consumers} consumers. Close them, then remove it.`)
    this.remove(queue)
  }

  remove(queue: GroupQueue): void {
    queue.end()
    if (this.#named.get(queue.name) === queue) this.#named.delete(queue.name)
    this.#queues = this.#queues.filter((other) => other !== queue)
    this.trim()
  }

  /** Why it can't take one more message, or `undefined`. */
  refusal({ target }: WireMessage): string | undefined {
    const { maxPending } = this.#state.settings
    for (const queue of this.#queues) {
      if (queue.lag < maxPending) continue
      return `"${this.name}" holds ${queue.lag} messages that group "${queue.name}" has not handled, and maxPending is ${maxPending}. Publish again when the group has caught up, end it with removeGroup, or raise maxPending.`
    }
    if (this.#scheduled >= maxPending) {
      return `"${this.name}" holds ${this.#scheduled} messages that wait for their time, and maxPending is ${maxPending}. Publish again when some of them were delivered, or raise maxPending.`
    }
    if (target !== undefined && !this.#queues.some((queue) => queue.name === target.group)) {
      return `"${this.name}" has no group "${target.group}" that this message is for. Subscribe the group first.`
    }
    return undefined
  }

  append(message: WireMessage): void {
    this.log.append(message)
    if (endsSegment(this.log.head)) this.trim()
    for (const queue of this.#queues) queue.enlist()
  }

  /** Appends it when its time has come: only then it takes its place among the others. */
  schedule(message: WireMessage, deliverAt: number): void {
    const delayMs = deliverAt - this.#state.clock.now()
    if (delayMs > 0) {
      this.#scheduled++
      this.#state.delayed.add(new ScheduledMessage(this, message), delayMs)
    } else this.append(message)
  }

  due(message: WireMessage): void {
    this.#scheduled--
    this.append(message)
  }

  /** Drops what every group has read and history does not need. */
  trim(): void {
    let needed = this.#historyStart()
    for (const { position } of this.#queues) if (position < needed) needed = position
    this.log.dropBefore(needed)
  }

  #historyStart(): number {
    return Math.max(this.log.start, this.log.head - this.#state.settings.historyLimit)
  }

  #startOf({ from }: Source): number {
    return from === 'now' ? this.log.head : from === 'beginning' ? this.#historyStart() : this.#firstSince(from.getTime())
  }

  /** Position of the first message in history whose event is of that time or later. */
  #firstSince(time: number): number {
    let position = this.#historyStart()
    while (position < this.log.head && Date.parse(this.log.at(position)?.attributes.time ?? '') < time) position++
    return position
  }
}

class ScheduledMessage implements Delayed {
  readonly #destination: Destination
  readonly #message: WireMessage

  constructor(destination: Destination, message: WireMessage) {
    this.#destination = destination
    this.#message = message
  }

  due(): void {
    this.#destination.due(this.#message)
  }
}
