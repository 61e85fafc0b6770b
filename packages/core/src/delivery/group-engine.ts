import { AsyncResource } from 'node:async_hooks'
import { after } from '../awaitable.js'
import type { ReceivedEvent } from '../event/event-model.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'
import type { DeadLetter, IDeadLetterStore } from '../ports/dead-letter-store.js'
import type { Delivery, Retry } from '../ports/delivery.js'
import type { DeliveredEvent, Instrumentation } from '../ports/instrumentation.js'
import type { ILogger } from '../ports/logger.js'
import type { WireMessage } from '../ports/message.js'
import type { FieldEncryption } from '../wire/field-encryption.js'
import type { WireFormat } from '../wire/wire-format.js'
import type { ContextHost, PublishFrom } from './context.js'
import type { Dedup } from './dedup.js'
import type { HeldKeys } from './held-keys.js'
import { insist } from './insist.js'
import { Lanes } from './lanes.js'
import { Mutex } from './mutex.js'
import type { ParkedKeys } from './parked-keys.js'
import { Settling, type SettlingOwner } from './settling.js'
import type { Subscriber } from './subscriber.js'
import { Work } from './work.js'

export interface GroupSettings {
  /** The broker's name, for those who watch. */
  readonly broker: string
  readonly group: string
  readonly format: WireFormat
  readonly clock: IClock
  readonly hooks: Instrumentation
  readonly logger: ILogger
  readonly dedup: Dedup | undefined
  /** Where dead letters go instead of the broker's own place. */
  readonly deadLetters: IDeadLetterStore | undefined
  /** Whether there is a place for them at all: a configured one, or the broker's own. */
  readonly keepsDeadLetters: boolean
  readonly publish: PublishFrom
  /** Aborted when the bus closes past its deadline. */
  readonly closing: AbortSignal
  /** Order by key: retries happen in place, and hold their key. */
  readonly ordered: boolean
  readonly broadcast: boolean
  readonly canRetry: boolean
  /** The most deliveries in hand before the broker has to wait. */
  readonly window: number
  /** Messages of this origin are this process's own, and were handled here already. */
  readonly echoOf: string | undefined
  /** Where a handler keeps order behind dead letters: how the bus knows which keys wait. */
  readonly encryption: FieldEncryption
  readonly held: HeldKeys | undefined
  /** Where keys go that wait long for a retry; where there is none, they wait in their places. */
  readonly parking: ParkedKeys | undefined
  /** How long a key may hold its place while it is retried. */
  readonly parkAfterMs: number
  /** Told when every handler of a message had its first attempt here; more than once, where it comes again. */
  readonly firstAttempted: ((message: WireMessage, engine: GroupEngine) => void) | undefined
}

const lastMomentMs = 100

/** What one group does with the deliveries of one destination in this process: takes them in, has them handled, settles them. */
export class GroupEngine implements ContextHost, SettlingOwner {
  readonly broker: string
  readonly group: string
  readonly format: WireFormat
  readonly clock: IClock
  readonly hooks: Instrumentation
  readonly logger: ILogger
  readonly dedup: Dedup | undefined
  readonly publish: PublishFrom
  readonly closing: AbortSignal
  readonly ordered: boolean
  readonly broadcast: boolean
  readonly canRetry: boolean
  readonly held: HeldKeys | undefined
  readonly parking: ParkedKeys | undefined
  readonly parkAfterMs: number
  /** What handlers run in: the place where the engine was made, not where somebody happened to publish. */
  readonly scope: AsyncResource = new AsyncResource('interline.group')
  /** Deliveries whose last run nobody knows the end of, one at a time. */
  readonly suspects: Mutex = new Mutex()
  readonly #settings: GroupSettings
  readonly #lanes: Lanes
  readonly #settling: Settling
  #subscribers: readonly Subscriber[] = []
  #ended: WeakSet<Subscriber> | undefined
  #matching = new Map<string, Map<string, readonly Subscriber[]>>()
  #inHand = 0
  #room: (() => void)[] = []
  #stopped = false
  readonly #leaving = new WeakSet<AbortSignal>()

  constructor(settings: GroupSettings) {
    this.#settings = settings
    this.broker = settings.broker
    this.group = settings.group
    this.format = settings.format
    this.clock = settings.clock
    this.hooks = settings.hooks
    this.logger = settings.logger
    this.dedup = settings.dedup
    this.publish = settings.publish
    this.closing = settings.closing
    this.ordered = settings.ordered
    this.broadcast = settings.broadcast
    this.canRetry = settings.canRetry
    this.held = settings.held
    this.parking = settings.parking
    this.parkAfterMs = settings.parkAfterMs
    this.#settling = new Settling(settings, this)
    this.#lanes = new Lanes(settings.clock)
  }

  /** Deliveries in hand, and not settled. */
  get inHand(): number {
    return this.#inHand
  }

  set subscribers(subscribers: readonly Subscriber[]) {
    for (const subscriber of this.#subscribers) if (!subscribers.includes(subscriber)) (this.#ended ??= new WeakSet()).add(subscriber)
    this.#subscribers = [...subscribers].sort((left, right) => left.priority - right.priority)
    this.#matching = new Map()
    this.#lanes.concurrency = Math.max(1, ...subscribers.map(({ concurrency }) => concurrency))
  }

  get subscribers(): readonly Subscriber[] {
    return this.#subscribers
  }

  /** Whether it was here and was unsubscribed. */
  hasEnded(subscriber: Subscriber): boolean {
    return this.#ended?.has(subscriber) === true
  }

  subscriberNamed(name: string): Subscriber | undefined {
    return this.#subscribers.find((subscriber) => subscriber.name === name)
  }

  subscribersFor(type: string, topic: string): readonly Subscriber[] {
    let byType = this.#matching.get(topic)
    if (byType === undefined) this.#matching.set(topic, (byType = new Map()))
    let matching = byType.get(type)
    if (matching === undefined) {
      matching = this.#subscribers.filter((subscriber) => subscriber.matches(type, topic))
      // topics come from outside; the memory of them is not theirs to fill
      if (this.#matching.size > 10_000) this.#matching = new Map([[topic, byType]])
      byType.set(type, matching)
    }
    return matching
  }

  /** The event with its encrypted fields as they were. A key store that is away is waited for: the event is not to blame. */
  decrypted(received: ReceivedEvent): Awaitable<ReceivedEvent> {
    const { clock, closing, logger } = this
    const report = (error: Error): void => logger.error('The key store can not be reached; waiting for it.', { error: error.message })
    return this.#settings.encryption.open(received, (get) => insist(get, { clock, closing, report }))
  }

  /** Takes deliveries in; resolves when there is room for more. */
  readonly receive = (deliveries: readonly Delivery[]): Awaitable<void> => {
    if (this.dedup === undefined) {
      for (const delivery of deliveries) this.#lanes.push(this.#take(delivery))
      return this.#roomForMore()
    }
    return this.#receiveOnce(deliveries, this.dedup)
  }

  #receiveOnce(deliveries: readonly Delivery[], dedup: Dedup): Awaitable<void> {
    const works = deliveries.map((delivery) => this.#take(delivery))
    const requests = works.map((work) => work.claims())
    return after(dedup.claim(requests.flat()), (results) => {
      let index = 0
      works.forEach((work, at) => {
        work.claimed(results.slice(index, (index += requests[at]?.length ?? 0)))
        this.#lanes.push(work)
      })
      return this.#roomForMore()
    })
  }

  /** Starts nothing more, and resolves when what runs has been settled, or the bus is out of time. */
  async drain(): Promise<void> {
    this.#stopped = true
    for (const resolve of this.#room.splice(0)) resolve()
    const settled = this.#lanes.stop().then(() => this.#settling.done())
    const late = this.#outOfTime()
    await Promise.race([settled, late.passed])
    late.forget()
  }

  settle(delivery: Delivery, letters: readonly DeadLetter[], before: Promise<unknown> | undefined): Awaitable<void> {
    this.#settings.firstAttempted?.(delivery.message, this)
    return this.#settling.settle(delivery, letters, before)
  }

  giveBack(delivery: Delivery, retry: Retry, before: Promise<unknown> | undefined): Awaitable<void> {
    this.#settings.firstAttempted?.(delivery.message, this)
    return this.#settling.giveBack(delivery, retry, before)
  }

  note(delivery: Delivery, progress: string): Awaitable<boolean> {
    this.#settings.firstAttempted?.(delivery.message, this)
    return this.#settling.note(delivery, progress)
  }

  dropped(letter: DeadLetter): void {
    this.#settling.dropped(letter)
  }

  lost(delivery: Delivery): void {
    if (this.hooks.lost !== undefined) this.hooks.lost(this.delivered(delivery))
    this.ended(delivery)
  }

  delivered({ message }: Delivery): DeliveredEvent {
    return { broker: this.broker, message, group: this.group, broadcast: this.broadcast }
  }

  /** No longer in hand. */
  ended(delivery: Delivery): void {
    this.#settings.firstAttempted?.(delivery.message, this)
    this.#inHand--
    if (this.#room.length > 0 && this.#inHand < this.#settings.window) for (const resolve of this.#room.splice(0)) resolve()
  }

  /** A little after the deadline, so that handlers that heed their signal can still be settled. */
  #outOfTime(): { readonly passed: Promise<void>; forget(): void } {
    const { closing, clock } = this
    let onAbort: () => void = () => undefined
    const passed = new Promise<void>((resolve) => (onAbort = () => void clock.setTimer(resolve, lastMomentMs)))
    if (closing.aborted) onAbort()
    else closing.addEventListener('abort', onAbort, { once: true })
    return { passed, forget: () => closing.removeEventListener('abort', onAbort) }
  }

  #take(delivery: Delivery): Work {
    this.#inHand++
    if (this.hooks.delivered !== undefined) this.#tellDelivered(delivery)
    const echo = this.#settings.echoOf !== undefined && delivery.message.attributes.origin === this.#settings.echoOf
    const work = new Work(this, delivery, echo)
    if (delivery.leaving !== undefined) this.#heed(delivery.leaving)
    if (echo) return work
    if (work.unwanted) this.hooks.noSubscriber?.(this.delivered(delivery))
    return work
  }

  #tellDelivered({ message, redelivered }: Delivery): void {
    const { broker, group, broadcast } = this
    this.hooks.delivered?.({ broker, message, group, broadcast, redelivered })
  }

  /** What does not run is let go at once, not when it has its turn. */
  #heed(leaving: AbortSignal): void {
    if (this.#leaving.has(leaving)) return
    this.#leaving.add(leaving)
    const letGo = (): void => this.#lanes.drop((task) => task instanceof Work && task.delivery.leaving === leaving)
    leaving.addEventListener('abort', letGo, { once: true })
  }

  #roomForMore(): Awaitable<void> {
    if (this.#inHand < this.#settings.window || this.#stopped) return
    return new Promise((resolve) => this.#room.push(resolve))
  }
}
