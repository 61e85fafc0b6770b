import { AsyncResource } from 'node:async_hooks'
import { after, isPromise } from '../awaitable.js'
import { toError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'
import type { DeadLetter, IDeadLetterStore } from '../ports/dead-letter-store.js'
import type { Delivery, Retry } from '../ports/delivery.js'
import type { Instrumentation } from '../ports/instrumentation.js'
import type { ILogger } from '../ports/logger.js'
import type { WireMessage } from '../ports/message.js'
import type { WireFormat } from '../wire/wire-format.js'
import type { ContextHost, PublishFrom } from './context.js'
import type { Dedup } from './dedup.js'
import type { HeldKeys } from './held-keys.js'
import { insist } from './insist.js'
import { Lanes } from './lanes.js'
import { Mutex } from './mutex.js'
import type { Subscriber } from './subscriber.js'
import { Work } from './work.js'

export interface GroupSettings {
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
  readonly held: HeldKeys | undefined
  /** Told when every handler of a message had its first attempt here; more than once, where it comes again. */
  readonly firstAttempted: ((message: WireMessage, engine: GroupEngine) => void) | undefined
}

const lastMomentMs = 100

const acknowledge = (delivery: Delivery): Awaitable<boolean> => delivery.ack()

/** What one group does with the deliveries of one destination in this process: takes them in, has them handled, settles them. */
export class GroupEngine implements ContextHost {
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
  /** What handlers run in: the place where the engine was made, not where somebody happened to publish. */
  readonly scope: AsyncResource = new AsyncResource('interline.group')
  /** Deliveries whose last run nobody knows the end of, one at a time. */
  readonly suspects: Mutex = new Mutex()
  readonly #settings: GroupSettings
  readonly #lanes: Lanes
  readonly #settling = new Set<Promise<unknown>>()
  #subscribers: readonly Subscriber[] = []
  #ended: WeakSet<Subscriber> | undefined
  #matching = new Map<string, Map<string, readonly Subscriber[]>>()
  #inHand = 0
  #room: (() => void)[] = []
  #stopped = false
  readonly #leaving = new WeakSet<AbortSignal>()

  constructor(settings: GroupSettings) {
    this.#settings = settings
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
    const settled = this.#lanes.stop().then(async () => {
      while (this.#settling.size > 0) await Promise.allSettled(this.#settling)
    })
    const late = this.#outOfTime()
    await Promise.race([settled, late.passed])
    late.forget()
  }

  /** Resolves when the broker has it. Waits for `before`; where that fails, the broker will hand the delivery out again. */
  settle(delivery: Delivery, letters: readonly DeadLetter[], before: Promise<unknown> | undefined): Awaitable<void> {
    this.#settings.firstAttempted?.(delivery.message, this)
    const end = letters.length === 0 ? () => this.#guard(acknowledge, delivery) : () => this.#bury(delivery, letters)
    return this.#settled(delivery, before === undefined ? end() : before.then(end))
  }

  giveBack(delivery: Delivery, retry: Retry, before: Promise<unknown> | undefined): Awaitable<void> {
    this.#settings.firstAttempted?.(delivery.message, this)
    const { deadLetters, keepsDeadLetters } = this.#settings
    const giveBack = (given: Retry): Awaitable<boolean> => this.#guard(() => delivery.retry(given), delivery)
    if (!keepsDeadLetters) {
      for (const letter of retry.deadLetters) this.dropped(letter)
      retry = { ...retry, deadLetters: [] }
    }
    const stored =
      deadLetters === undefined || retry.deadLetters.length === 0
        ? before?.then(() => retry)
        : Promise.all([before, this.#store(deadLetters, retry.deadLetters)]).then(() => ({ ...retry, deadLetters: [] }))
    return this.#settled(delivery, stored === undefined ? giveBack(retry) : stored.then(giveBack))
  }

  /** Keeps progress beside a delivery. `false`: it belongs to somebody else. A broker that is away for now loses only the count. */
  note(delivery: Delivery, progress: string): Awaitable<boolean> {
    this.#settings.firstAttempted?.(delivery.message, this)
    return this.#guard(() => delivery.note(progress), delivery, true)
  }

  /** An event that is given up without a dead letter, because that was asked for or there is no place for one. */
  dropped(letter: DeadLetter): void {
    this.hooks.deadLettered?.(letter)
    this.logger.error(`Event ${letter.eventType} ${letter.eventId} was given up by "${letter.handler}" and is not kept.`, {
      reason: letter.reason,
      error: letter.error.message,
    })
  }

  lost(delivery: Delivery): void {
    this.hooks.lost?.({ message: delivery.message, group: this.group })
    this.ended(delivery)
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
    this.hooks.delivered?.({ message: delivery.message, group: this.group, redelivered: delivery.redelivered })
    const echo = this.#settings.echoOf !== undefined && delivery.message.attributes.origin === this.#settings.echoOf
    const work = new Work(this, delivery, echo)
    if (delivery.leaving !== undefined) this.#heed(delivery.leaving)
    if (echo) return work
    if (work.unwanted) this.hooks.noSubscriber?.({ message: delivery.message, group: this.group })
    return work
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

  #bury(delivery: Delivery, letters: readonly DeadLetter[]): Awaitable<boolean> {
    if (this.broadcast || !this.#settings.keepsDeadLetters) {
      for (const letter of letters) this.dropped(letter)
      return this.#guard(acknowledge, delivery)
    }
    const { deadLetters } = this.#settings
    const buried =
      deadLetters === undefined
        ? this.#guard(() => delivery.deadLetter(letters), delivery)
        : this.#store(deadLetters, letters).then(() => this.#guard(acknowledge, delivery))
    return after(buried, (inTime) => (inTime ? this.#buried(delivery, letters) : false))
  }

  #buried(delivery: Delivery, letters: readonly DeadLetter[]): Awaitable<boolean> {
    for (const letter of letters) {
      if (letter.reason === 'parked') this.hooks.parked?.(letter)
      else this.hooks.deadLettered?.(letter)
    }
    const { held } = this
    return held === undefined ? true : Promise.all(letters.map((letter) => held.stored(letter, delivery))).then(() => true)
  }

  /** Until the store has them; the delivery stays in hand meanwhile, so that nothing is lost. */
  #store(store: IDeadLetterStore, letters: readonly DeadLetter[]): Promise<void> {
    return insist(() => store.add(letters), {
      clock: this.clock,
      closing: this.closing,
      report: (error) => this.logger.error('The dead-letter store can not be reached; waiting for it.', { error }),
    })
  }

  /** A settlement that could not be made is not repeated here: the broker hands the message out again. */
  #guard(settle: (delivery: Delivery) => Awaitable<boolean>, delivery: Delivery, otherwise = false): Awaitable<boolean> {
    try {
      const result = settle(delivery)
      return isPromise(result) ? this.#guardLater(result, otherwise) : result
    } catch (thrown) {
      return this.#unsettled(thrown, otherwise)
    }
  }

  #guardLater(result: Promise<boolean>, otherwise: boolean): Promise<boolean> {
    return result.catch((thrown: unknown) => this.#unsettled(thrown, otherwise))
  }

  #unsettled(thrown: unknown, otherwise: boolean): boolean {
    this.logger.warn(`A message of group "${this.group}" could not be settled; the broker will hand it out again.`, {
      error: toError(thrown),
    })
    return otherwise
  }

  #settled(delivery: Delivery, inTime: Awaitable<boolean>): Awaitable<void> {
    if (isPromise(inTime)) return this.#settledLater(delivery, inTime)
    return inTime ? this.ended(delivery) : this.lost(delivery)
  }

  #settledLater(delivery: Delivery, inTime: Promise<boolean>): Promise<void> {
    const pending = inTime.then(
      (settled) => (settled ? this.ended(delivery) : this.lost(delivery)),
      (thrown: unknown) => {
        this.logger.error(`A message of group "${this.group}" could not be settled.`, { error: toError(thrown) })
        this.ended(delivery)
      },
    )
    this.#settling.add(pending)
    void pending.finally(() => this.#settling.delete(pending))
    return pending
  }
}
