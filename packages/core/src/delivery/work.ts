import { after, isPromise } from '../awaitable.js'
import { HandlerTimeoutError, SubscriptionError, toError } from '../errors.js'
import type { ReceivedEvent } from '../event/event-model.js'
import { modelOfReceivedType } from '../event/registry.js'
import type { Awaitable } from '../ports/abortable.js'
import type { DeadLetter, DeadLetterReason } from '../ports/dead-letter-store.js'
import type { Delivery } from '../ports/delivery.js'
import type { Claim, ClaimResult } from '../ports/idempotency-store.js'
import { DeliveryContext, runAmbient } from './context.js'
import { busyDelayMs, claimsFor } from './dedup.js'
import type { GroupEngine } from './group-engine.js'
import type { Admission } from './held-keys.js'
import { judge } from './judge.js'
import { finished, type Task } from './lanes.js'
import { deadLetterOf, letterId } from './letter.js'
import { decodeProgress, encodeProgress, everyHandler, type HandlerProgress } from './progress.js'
import { firstShares, fresh, Share } from './share.js'
import type { Subscriber } from './subscriber.js'

const none: readonly never[] = []

/** One delivery, from its arrival until every handler of the group has a verdict and it is settled. */
export class Work implements Task {
  readonly key: string | undefined
  readonly #engine: GroupEngine
  readonly #delivery: Delivery
  #received: ReceivedEvent | undefined
  /** Set until the first handler takes the decoded event; later ones decode anew, so that none sees what another changed. */
  #untouched: ReceivedEvent | undefined
  #shares: readonly Share[] = none
  #letters: readonly DeadLetter[] = none
  #firstAttemptAt = 0
  #progressKept = false
  /** A run began, and what became of it is neither noted nor settled. */
  #open = false
  /** A note came too late: the delivery belongs to somebody else. */
  #refused = false
  /** The dead letter that this is a copy of, where order is kept behind it, and when that died. */
  #redriven: string | undefined
  #diedAt: number | undefined
  /** Set while the store is told what was handled. Neither key nor slot waits for that, only the acknowledgement does. */
  #remembered: Promise<unknown> | undefined

  constructor(engine: GroupEngine, delivery: Delivery, skip: boolean) {
    this.#engine = engine
    this.#delivery = delivery
    this.key = engine.ordered ? delivery.message.key : undefined
    if (skip) return
    try {
      this.#read()
    } catch (thrown) {
      this.#letters = [this.#letter(everyHandler, 'undecodable', toError(thrown), 0)]
    }
  }

  get delivery(): Delivery {
    return this.#delivery
  }

  /** Nobody here wants it. */
  get unwanted(): boolean {
    return this.#shares.length === 0 && this.#letters.length === 0
  }

  /** What has to be claimed before it runs, for each share in turn. */
  claims(): readonly (readonly Claim[])[] {
    const { dedup, group } = this.#engine
    const received = this.#received
    if (dedup === undefined || received === undefined) return []
    for (const share of this.#shares) {
      share.claims = claimsFor(received.type, received.metadata, group, share.subscriber.name, this.#delivery.ref)
    }
    return this.#shares.map(({ claims }) => claims)
  }

  claimed(results: readonly ClaimResult[]): void {
    for (const [index, share] of this.#shares.entries()) share.claim = results[index] as ClaimResult
  }

  run(): Awaitable<number> {
    // after a crash nobody knows which event caused it: one at a time, each noted before it runs
    if (this.#delivery.redelivered) return this.#engine.suspects.run(() => this.#begin())
    return this.#begin()
  }

  abandon(): void {
    this.#release()
    this.#forgetRemembered()
    if (!this.#open) this.#delivery.release?.()
    this.#engine.ended(this.#delivery)
  }

  #read(): void {
    const delivery = this.#delivery
    const engine = this.#engine
    if (delivery.undecodable !== undefined) throw delivery.undecodable
    const received = engine.format.decode(delivery.message)
    this.#received = this.#untouched = received
    const wanting = engine.subscribersFor(received.type, received.topic)
    if (delivery.progress === undefined) {
      this.#shares = firstShares(wanting, delivery.redelivered)
      return
    }
    const progress = decodeProgress(delivery.progress)
    this.#firstAttemptAt = progress.firstAttemptAt
    this.#redriven = progress.letter
    const shares: Share[] = []
    for (const [name, handler] of progress.handlers) {
      const subscriber = engine.subscriberNamed(name)
      if (subscriber !== undefined) shares.push(new Share(subscriber, handler))
      else if (name === everyHandler) shares.push(...wanting.map((each) => new Share(each, fresh)))
      // news for a handler that is not here: it asks by itself when it is
      else if (progress.letter !== '') this.#letters = [...this.#letters, this.#orphan(name, handler.started)]
    }
    this.#shares = shares.sort((left, right) => left.subscriber.priority - right.subscriber.priority)
  }

  #begin(): Awaitable<number> {
    return this.#isLeaving() ? this.#letGo() : this.#step(this.#shares, 0)
  }

  /** Runs the shares that are due, in the order of their handlers' priority, then settles. */
  #step(round: readonly Share[], from: number): Awaitable<number> {
    for (let index = from; index < round.length; index++) {
      const run = this.#runShare(round[index] as Share)
      if (isPromise(run)) return this.#stepAfter(run, round, index + 1)
    }
    return this.#settle()
  }

  // Like its neighbours below, this is for what has to wait. A function that makes closures pays for them also where it has no need
  // of one, and most events run through without.
  #stepAfter(run: Promise<void>, round: readonly Share[], from: number): Promise<number> {
    return run.then(() => this.#step(round, from))
  }

  /** Resolves when the share has a verdict or must wait. Rejects only where the bus closes while it waits for a store. */
  #runShare(share: Share): Awaitable<void> {
    if (this.#isGone() || this.#engine.closing.aborted) return
    if (this.#engine.hasEnded(share.subscriber)) return this.#unsubscribed(share)
    if (share.dueAt !== 0 && share.dueAt > this.#engine.clock.now()) return
    const { held } = this.#engine
    const { key } = this.#delivery.message
    // a copy of a letter is one also where its handler keeps order no more
    if (held === undefined || key === undefined || !(share.subscriber.keepOrder || this.#redriven !== undefined))
      return this.#runAdmitted(share)
    if (share.claim === 'done' && this.#redriven === undefined) return this.#duplicate(share)
    const admission = held.admit(share.subscriber.name, key, this.#delivery, this.#redriven)
    return after(admission, (verdict) => this.#admitted(share, verdict))
  }

  #admitted(share: Share, admission: Admission): Awaitable<void> {
    if (admission.kind === 'skip') {
      this.#remove(share)
      return share.claim === 'claimed' ? this.#engine.dedup?.release(share.claims) : undefined
    }
    if (admission.kind === 'park') {
      const error = new Error('An event of this key is dead; this one waits behind it.')
      return this.#dead(share, 'parked', error, Math.max(this.#engine.clock.now(), admission.behind + 1))
    }
    this.#diedAt = admission.deadAt
    return this.#runAdmitted(share)
  }

  #runAdmitted(share: Share): Awaitable<void> {
    if (share.claim === 'done') return this.#duplicate(share)
    if (share.claim === 'busy') return this.#claimAgain(share)
    const attempt = share.started + 1
    if (share.started >= share.subscriber.retry.maxAttempts) {
      const error = new Error(`The process died while "${share.subscriber.name}" was at it; it is not run again.`)
      return this.#dead(share, 'crashed', error)
    }
    share.started = attempt
    // the first attempt of a first delivery is not noted: should the process die, the broker itself knows of it
    if ((attempt === 1 && !this.#delivery.redelivered) || this.#progressKept) return this.#attempt(share)
    return this.#attemptAfter(this.#note(), share)
  }

  #attemptAfter(noted: Awaitable<boolean>, share: Share): Awaitable<void> {
    return after(noted, (kept) => (kept ? this.#attempt(share) : undefined))
  }

  /** As if it had come only now: nobody here wants it, and what was begun is kept for whoever has the name again. */
  #unsubscribed(share: Share): Awaitable<void> {
    const { name } = share.subscriber
    this.#remove(share)
    if (share.started > 0) this.#letters = [...this.#letters, this.#orphan(name, share.started)]
    if (share.claim === 'claimed') return this.#engine.dedup?.release(share.claims)
  }

  #attempt(share: Share): Awaitable<void> {
    this.#progressKept = false
    this.#open = true
    let event: Awaitable<object>
    try {
      event = this.#buildEvent()
    } catch (thrown) {
      return this.#failed(share, toError(thrown), undefined, 0)
    }
    return isPromise(event) ? this.#handleAfter(event, share) : this.#handle(share, event)
  }

  #handleAfter(event: Promise<object>, share: Share): Promise<void> {
    return event.then(
      (built) => this.#handle(share, built),
      (thrown: unknown) => this.#failed(share, toError(thrown), undefined, 0),
    )
  }

  #buildEvent(): Awaitable<object> {
    const received = this.#untouched ?? this.#engine.format.decode(this.#delivery.message)
    this.#untouched = undefined
    return modelOfReceivedType(received.type).receive(received)
  }

  #handle(share: Share, event: object): Awaitable<void> {
    const { subscriber } = share
    const began = this.#engine.hooks.handled === undefined ? 0 : this.#engine.clock.monotonic()
    const context = new DeliveryContext(
      event,
      share.started,
      subscriber,
      this.#received as ReceivedEvent,
      this.#delivery.lost,
      this.#engine,
    )
    try {
      if (subscriber.filter?.(event) === false) return this.#done(share, began)
      const result = this.#engine.scope.runInAsyncScope(runAmbient, undefined, context, subscriber)
      return isPromise(result) ? this.#doneAfter(result, share, context, began) : this.#done(share, began)
    } catch (thrown) {
      return this.#failed(share, toError(thrown), context, began)
    }
  }

  #doneAfter(result: Promise<unknown>, share: Share, context: DeliveryContext, began: number): Promise<void> {
    return this.#inTime(result, share.subscriber, context).then(
      () => this.#done(share, began),
      (thrown: unknown) => this.#failed(share, toError(thrown), context, began),
    )
  }

  #inTime(result: Promise<unknown>, { timeoutMs, name }: Subscriber, context: DeliveryContext): Promise<unknown> {
    if (timeoutMs === undefined) return result
    return new Promise((resolve, reject) => {
      const timer = this.#engine.clock.setTimer(() => {
        const error = new HandlerTimeoutError(`Handler "${name}" did not finish within ${timeoutMs} ms.`)
        context.abort(error)
        reject(error)
      }, timeoutMs)
      result.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  #done(share: Share, began: number): Awaitable<void> {
    this.#remove(share)
    this.#engine.hooks.handled?.(this.#report(share, began))
    const remembered = this.#engine.dedup?.complete(share.claims)
    if (isPromise(remembered)) this.#remembered = this.#remembered === undefined ? remembered : Promise.all([this.#remembered, remembered])
    return this.#handledAgain(share)
  }

  /** Where order is kept, what waits behind a redriven event may go on. */
  #handledAgain({ subscriber }: Share): Awaitable<void> {
    const { held } = this.#engine
    const { key } = this.#delivery.message
    if (this.#redriven === undefined || held === undefined || key === undefined) return
    return held.handled(subscriber.name, key, this.#delivery, this.#redriven)
  }

  #duplicate(share: Share): Awaitable<void> {
    this.#remove(share)
    this.#engine.hooks.duplicate?.({ message: this.#delivery.message, group: this.#engine.group, handler: share.subscriber.name })
    return this.#handledAgain(share)
  }

  #claimAgain(share: Share): Awaitable<void> {
    const { dedup, clock } = this.#engine
    if (dedup === undefined) return
    return after(dedup.claim([share.claims]), ([result]) => {
      share.claim = result as ClaimResult
      if (result === 'busy') share.dueAt = clock.now() + busyDelayMs
      else return this.#runShare(share)
    })
  }

  async #failed(share: Share, error: Error, context: DeliveryContext | undefined, began: number): Promise<void> {
    const engine = this.#engine
    // cut off by the bus itself: the event goes back as it was, and whoever gets it counts the attempt
    if (this.#isGone() || engine.closing.aborted) return
    if (this.#firstAttemptAt === 0) this.#firstAttemptAt = engine.clock.now()
    const report = { ...this.#report(share, began), error }
    engine.hooks.handled?.(report)
    if (context !== undefined) await this.#tellErrorHandler(share.subscriber, error, context)
    const judgement = judge(error, share.started, share.subscriber.retry, engine.canRetry)
    if (judgement.kind === 'dead') return this.#dead(share, judgement.reason, error)
    share.dueAt = engine.clock.now() + judgement.afterMs
    engine.hooks.retried?.({ ...report, afterMs: judgement.afterMs })
  }

  async #tellErrorHandler({ errorHandler, name }: Subscriber, error: Error, context: DeliveryContext): Promise<void> {
    if (errorHandler === undefined) return
    try {
      await errorHandler(error, context.event, context)
    } catch (thrown) {
      this.#engine.logger.error(`The error handler of "${name}" failed.`, { error: toError(thrown) })
    }
  }

  #dead(share: Share, reason: DeadLetterReason, error: Error, deadAt?: number): Awaitable<void> {
    this.#remove(share)
    const letter = this.#letter(share.subscriber.name, reason, error, share.started, share.subscriber, deadAt)
    if (share.subscriber.deadLetter) this.#letters = [...this.#letters, letter]
    else this.#engine.dropped(letter)
    if (this.#engine.dedup !== undefined) return this.#engine.dedup.release(share.claims)
  }

  /** Answers when it wants to run again, its key held. */
  #settle(): Awaitable<number> {
    const engine = this.#engine
    if (this.#isGone()) return this.#giveUp()
    if (this.#shares.length === 0) {
      return this.#settled(engine.settle(this.#delivery, this.#letters, this.#remembered))
    }
    if (engine.closing.aborted) return this.#letGo()
    const waitMs = Math.max(0, Math.min(...this.#shares.map(({ dueAt }) => dueAt)) - engine.clock.now())
    const waitsForOthers = this.#shares.some(({ claim }) => claim === 'busy')
    if (engine.ordered || engine.broadcast || waitsForOthers) {
      return waitsForOthers ? waitMs : after(this.#note(), (kept) => (kept ? (this.#isLeaving() ? this.#letGo() : waitMs) : this.#giveUp()))
    }
    this.#release()
    const retry = { afterMs: waitMs, progress: this.#progress(none), deadLetters: this.#letters }
    return this.#settled(engine.giveBack(this.#delivery, retry, this.#remembered))
  }

  /**
   * The next suspect waits until this one is surely off the broker's list: its process may end at once. And so does what follows a dead
   * event whose key keeps its order.
   */
  #settled(done: Awaitable<void>): Awaitable<number> {
    const mustBeStored = this.#delivery.redelivered || this.#letters.some(({ keepsOrder }) => keepsOrder === true)
    return mustBeStored ? after(done, () => finished) : finished
  }

  /** Somebody else has it now. */
  #giveUp(): number {
    this.#release()
    this.#forgetRemembered()
    this.#engine.lost(this.#delivery)
    return finished
  }

  #letGo(): number {
    this.abandon()
    return finished
  }

  #isLeaving(): boolean {
    return this.#delivery.leaving?.aborted === true
  }

  #isGone(): boolean {
    return this.#refused || this.#delivery.lost.aborted
  }

  #note(): Awaitable<boolean> {
    if (this.#engine.broadcast) return true
    return after(this.#engine.note(this.#delivery, this.#progress(this.#letters)), (kept) => {
      this.#progressKept = kept
      this.#open = false
      this.#refused = !kept
      return kept
    })
  }

  /** A dead letter that is not stored yet keeps its handler in: after a crash it must not be lost. */
  #progress(unstored: readonly DeadLetter[]): string {
    const dead = unstored.map(({ handler, attempts }) => [handler, { started: attempts, dueAt: 0 }] as const)
    const handlers = new Map<string, HandlerProgress>([...dead, ...this.#shares.map((share) => [share.subscriber.name, share] as const)])
    return encodeProgress({ firstAttemptAt: this.#firstAttemptAt, handlers, letter: this.#redriven })
  }

  #release(): void {
    const claims = this.#shares.filter(({ claim }) => claim === 'claimed').flatMap((share) => share.claims)
    if (claims.length > 0) void this.#engine.dedup?.release(claims)
  }

  /** Nobody waits for it any more, and where it fails the event comes again. */
  #forgetRemembered(): void {
    this.#remembered?.catch(() => undefined)
  }

  #remove(share: Share): void {
    if (this.#shares.length === 1) this.#shares = none
    else this.#shares = this.#shares.filter((each) => each !== share)
  }

  #report(share: Share, began: number) {
    const durationMs = began === 0 ? 0 : this.#engine.clock.monotonic() - began
    return {
      message: this.#delivery.message,
      group: this.#engine.group,
      handler: share.subscriber.name,
      attempt: share.started,
      durationMs,
    }
  }

  #orphan(name: string, attempts: number): DeadLetter {
    const error = new SubscriptionError(
      `Group "${this.#engine.group}" has no handler "${name}" here any more. Redrive it when there is one of that name again.`,
    )
    return this.#letter(name, 'orphaned', error, attempts)
  }

  /** What died again where order is kept takes the place of its letter, as it was the first of its key. */
  #letter(
    handler: string,
    reason: DeadLetterReason,
    error: Error,
    attempts: number,
    subscriber?: Subscriber,
    at = this.#diedAt,
  ): DeadLetter {
    const { group, clock } = this.#engine
    const { message, ref } = this.#delivery
    const deadAt = at ?? clock.now()
    const firstAttemptAt = this.#firstAttemptAt === 0 ? deadAt : this.#firstAttemptAt
    const keepsOrder = (subscriber?.keepOrder === true && this.key !== undefined) || Boolean(this.#redriven)
    const address = subscriber?.deadLetterAddress
    const id = this.#redriven ? this.#redriven : letterId(group, handler, ref)
    const about = { group, handler, message, id, received: this.#received, reason, error, attempts }
    return deadLetterOf({ ...about, firstAttemptAt, deadAt, keepsOrder, address })
  }
}
