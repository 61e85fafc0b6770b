import { after, isPromise } from '../awaitable.js'
import { toError } from '../errors.js'
import type { ReceivedEvent } from '../event/event-model.js'
import type { Gate } from '../flow/gate.js'
import type { Awaitable } from '../ports/abortable.js'
import type { DeadLetter, DeadLetterReason } from '../ports/dead-letter-store.js'
import type { Delivery } from '../ports/delivery.js'
import type { Claim, ClaimResult } from '../ports/idempotency-store.js'
import { busyDelayMs, claimsFor } from './dedup.js'
import type { GroupEngine } from './group-engine.js'
import { finished, type Task } from './lanes.js'
import { Past } from './past.js'
import { decodeProgress, encodeProgress, everyHandler, type HandlerProgress, type ParkedCopy } from './progress.js'
import { type Failure, type RunOwner, runHandler } from './run.js'
import { firstShares, type Share, sharesOf } from './share.js'
import { type Turn, type TurnOf, turnOf } from './turn.js'

const none: readonly never[] = []

/** One delivery, from its arrival until every handler of the group has a verdict and it is settled. */
export class Work implements Task, RunOwner, TurnOf {
  readonly key: string | undefined
  readonly engine: GroupEngine
  readonly delivery: Delivery
  #received: ReceivedEvent | undefined
  /** Made when it is asked for: most deliveries come once and are handled. */
  #past: Past | undefined
  /** Set until the first handler takes the decoded event; later ones decode anew, so that none sees what another changed. */
  #untouched: ReceivedEvent | undefined
  #shares: readonly Share[] = none
  #letters: readonly DeadLetter[] = none
  /** Since when its key waits for it here. */
  #heldSince = 0
  #progressKept = false
  /** A run began, and what became of it is neither noted nor settled. */
  #open = false
  /** A note came too late: the delivery belongs to somebody else. */
  #refused = false
  /** The handler whose parked event this is a copy of, where that has come to its end without being handled. */
  #over: string | undefined
  /** Set while stores are told what was handled or parked. Neither key nor slot waits for that, only the acknowledgement does. */
  #remembered: Promise<unknown> | undefined

  constructor(engine: GroupEngine, delivery: Delivery, skip: boolean) {
    this.engine = engine
    this.delivery = delivery
    this.key = engine.ordered ? delivery.message.key : undefined
    if (skip) return
    try {
      this.#read()
    } catch (thrown) {
      this.#letters = [this.past.undecodable(everyHandler, toError(thrown))]
    }
  }

  get past(): Past {
    return (this.#past ??= new Past(this.engine, this.delivery, this.#received))
  }

  get redriven(): string | undefined {
    return this.#past?.redriven
  }

  get parked(): ParkedCopy | undefined {
    return this.#past?.parked
  }

  /** Nobody here wants it. */
  get unwanted(): boolean {
    return this.#shares.length === 0 && this.#letters.length === 0
  }

  /** What has to be claimed before it runs, for each share in turn. */
  claims(): readonly (readonly Claim[])[] {
    const { dedup, group } = this.engine
    const received = this.#received
    if (dedup === undefined || received === undefined) return []
    for (const share of this.#shares) {
      share.claims = claimsFor(received.type, received.metadata, group, share.subscriber.name, this.delivery.ref)
    }
    return this.#shares.map(({ claims }) => claims)
  }

  claimed(results: readonly ClaimResult[]): void {
    for (const [index, share] of this.#shares.entries()) share.claim = results[index] as ClaimResult
  }

  run(): Awaitable<number> {
    // after a crash nobody knows which event caused it: one at a time, each noted before it runs
    if (this.delivery.redelivered) return this.engine.suspects.run(() => this.#begin())
    return this.#begin()
  }

  abandon(): void {
    this.#release()
    this.#forgetRemembered()
    if (!this.#open) this.delivery.release?.()
    this.engine.ended(this.delivery)
  }

  #read(): void {
    const delivery = this.delivery
    const engine = this.engine
    if (delivery.undecodable !== undefined) throw delivery.undecodable
    const received = engine.format.decode(delivery.message)
    this.#received = this.#untouched = received
    const wanting = engine.subscribersFor(received.type, received.topic)
    if (delivery.progress === undefined) {
      this.#shares = firstShares(wanting, delivery.redelivered)
      return
    }
    const progress = decodeProgress(delivery.progress)
    this.past.recall(progress)
    const { shares, absent } = sharesOf(progress, wanting, engine)
    this.#shares = shares
    // news for a handler that is not here: it asks by itself when it is
    if (progress.letter !== '') for (const [name, { started }] of absent) this.#orphan(name, started)
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

  // A function that makes closures pays for them also where it has no need of one, and most events run through without.
  #stepAfter(run: Promise<void>, round: readonly Share[], from: number): Promise<number> {
    return run.then(() => this.#step(round, from))
  }

  /** Resolves when the share has a verdict or must wait. Rejects only where the bus closes while it waits for a store. */
  #runShare(share: Share): Awaitable<void> {
    if (this.#isGone() || this.engine.closing.aborted) return
    if (this.engine.hasEnded(share.subscriber)) return this.#unsubscribed(share)
    if (share.dueAt !== 0 && share.dueAt > this.engine.clock.now()) return
    const { key } = this.delivery.message
    if (key === undefined) return this.#runAdmitted(share)
    const turn = turnOf(this, share, key)
    return isPromise(turn) ? turn.then((each) => this.#take(share, key, each)) : this.#take(share, key, turn)
  }

  #take(share: Share, key: string, turn: Turn): Awaitable<void> {
    if (turn.kind === 'run') return this.#runAdmitted(share)
    if (turn.kind === 'duplicate') return this.#duplicate(share)
    if (turn.kind === 'park') return this.#park(share, key, turn.letter)
    if (turn.kind === 'hold') return this.#dead(share, 'parked', turn.error, turn.at)
    this.#remove(share)
    return share.claim === 'claimed' ? this.engine.dedup?.release(share.claims) : undefined
  }

  #runAdmitted(share: Share): Awaitable<void> {
    if (share.claim === 'done') return this.#duplicate(share)
    if (share.claim === 'busy') return this.#claimAgain(share)
    if (share.started >= share.subscriber.retry.maxAttempts) {
      const error = new Error(`The process died while "${share.subscriber.name}" was at it; it is not run again.`)
      return this.#dead(share, 'crashed', error)
    }
    const { gate } = share.subscriber
    return gate === undefined ? this.#count(share) : this.#pass(gate, share)
  }

  /** What has to wait counts as no attempt, and asks again when it is told to. */
  #pass(gate: Gate, share: Share): Awaitable<void> {
    const place = (share.place ??= {})
    return after(gate.enter(place), (waitMs) => {
      share.gated = waitMs > 0
      if (share.gated) share.dueAt = this.engine.clock.now() + waitMs
      else if (this.#isGone() || this.#isLeaving() || this.engine.closing.aborted) gate.leave(place, 'cut off')
      else return this.#count(share)
    })
  }

  #count(share: Share): Awaitable<void> {
    const attempt = share.started + 1
    share.started = attempt
    // the first attempt of a first delivery is not noted: should the process die, the broker itself knows of it
    if ((attempt === 1 && !this.delivery.redelivered) || this.#progressKept) return this.#attempt(share)
    return this.#attemptAfter(this.#note(), share)
  }

  #attemptAfter(noted: Awaitable<boolean>, share: Share): Awaitable<void> {
    return after(noted, (kept) => {
      if (kept) return this.#attempt(share)
      if (share.place !== undefined) share.subscriber.gate?.leave(share.place, 'cut off')
    })
  }

  /** As if it had come only now: nobody here wants it, and what was begun is kept for whoever has the name again. */
  #unsubscribed(share: Share): Awaitable<void> {
    const { name } = share.subscriber
    this.#remove(share)
    this.#ended(share)
    if (share.started > 0) this.#orphan(name, share.started)
    if (share.claim === 'claimed') return this.engine.dedup?.release(share.claims)
  }

  #attempt(share: Share): Awaitable<void> {
    this.#progressKept = false
    this.#open = true
    const untouched = this.#untouched
    this.#untouched = undefined
    return runHandler(this, share, untouched)
  }

  handled(share: Share): Awaitable<void> {
    this.#remove(share)
    const remembered = this.engine.dedup?.complete(share.claims)
    if (isPromise(remembered)) this.#keep(remembered)
    return this.#handledAgain(share)
  }

  failed(share: Share, { error, failedAt, judgement }: Failure): Awaitable<void> {
    const past = this.past
    if (past.firstAttemptAt === 0) past.firstAttemptAt = failedAt
    if (this.#heldSince === 0) this.#heldSince = failedAt
    if (judgement.kind === 'dead') return this.#dead(share, judgement.reason, error)
    share.error = error
    share.dueAt = this.engine.clock.now() + judgement.afterMs
  }

  /** What waits behind a copy of a letter may go on. */
  #handledAgain({ subscriber }: Share): Awaitable<void> {
    if (this.#past === undefined) return
    const { held, parking } = this.engine
    const { key } = this.delivery.message
    const { redriven, parked } = this
    if (key === undefined || (redriven === undefined && parked === undefined)) return
    if (parked !== undefined && parking !== undefined) this.#keep(parking.passed(subscriber.name, key, this.delivery, parked.id))
    if (redriven !== undefined && held !== undefined) return held.handled(subscriber.name, key, this.delivery, redriven)
  }

  #duplicate(share: Share): Awaitable<void> {
    this.#remove(share)
    this.engine.hooks.duplicate?.({ ...this.engine.delivered(this.delivery), handler: share.subscriber.name })
    return this.#handledAgain(share)
  }

  #claimAgain(share: Share): Awaitable<void> {
    const { dedup, clock } = this.engine
    if (dedup === undefined) return
    return after(dedup.claim([share.claims]), ([result]) => {
      share.claim = result as ClaimResult
      if (result === 'busy') share.dueAt = clock.now() + busyDelayMs
      else return this.#runShare(share)
    })
  }

  #dead(share: Share, reason: DeadLetterReason, error: Error, deadAt?: number): Awaitable<void> {
    this.#remove(share)
    this.#ended(share)
    const letter = this.past.letterOf(share, reason, error, deadAt)
    if (share.subscriber.deadLetter) this.#letters = [...this.#letters, letter]
    else this.engine.dropped(letter)
    if (this.engine.dedup !== undefined) return this.engine.dedup.release(share.claims)
  }

  /** Answers when it wants to run again, its key held. */
  #settle(): Awaitable<number> {
    const engine = this.engine
    if (this.#isGone()) return this.#giveUp()
    if (this.#shares.length === 0) {
      const done = engine.settle(this.delivery, this.#letters, this.#remembered)
      return this.#settled(this.#over === undefined ? done : after(done, () => this.#leaveParking(this.#over)))
    }
    if (engine.closing.aborted) return this.#letGo()
    const far = this.#farOff()
    if (far.length > 0) return this.#parkAll(far)
    const waitMs = Math.max(0, Math.min(...this.#shares.map(({ dueAt }) => dueAt)) - engine.clock.now())
    const waitsForOthers = this.#shares.some(({ claim, gated }) => claim === 'busy' || gated)
    if (engine.ordered || engine.broadcast || waitsForOthers) {
      return waitsForOthers ? waitMs : after(this.#note(), (kept) => (kept ? (this.#isLeaving() ? this.#letGo() : waitMs) : this.#giveUp()))
    }
    this.#release()
    const retry = { afterMs: waitMs, progress: this.#progress(none), deadLetters: this.#letters }
    return this.#settled(engine.giveBack(this.delivery, retry, this.#remembered))
  }

  /**
   * The next suspect waits until this one is surely off the broker's list: its process may end at once. And so does what follows a dead
   * event whose key keeps its order.
   */
  #settled(done: Awaitable<void>): Awaitable<number> {
    const mustBeStored =
      this.delivery.redelivered || this.#over !== undefined || this.#letters.some(({ keepsOrder }) => keepsOrder === true)
    return mustBeStored ? after(done, () => finished) : finished
  }

  /** Those whose key would hold its place for too long. */
  #farOff(): readonly Share[] {
    const { parking, parkAfterMs, clock } = this.engine
    if (parking === undefined || this.key === undefined || this.redriven !== undefined || this.#isLeaving()) return none
    if (this.#heldSince === 0) this.#heldSince = clock.now()
    return this.#shares.filter(({ claim, gated, dueAt }) => claim !== 'busy' && !gated && dueAt - this.#heldSince > parkAfterMs)
  }

  /** Noted before: a note that is refused says that the key is somebody else's by now. */
  #parkAll(shares: readonly Share[]): Awaitable<number> {
    return after(this.#note(), (kept) => {
      if (!kept) return this.#giveUp()
      for (const share of shares) {
        const error = share.error ?? new Error('It waited for its next attempt when its process ended.')
        this.#park(share, this.key as string, this.past.parkedLetter(share, 'waiting', error, this.engine.clock.now()))
      }
      return this.#settle()
    })
  }

  /** Its key goes on as soon as the table knows; its acknowledgement waits until the letter is kept. */
  #park(share: Share, key: string, letter: DeadLetter): void {
    const { parking, hooks, dedup } = this.engine
    this.#remove(share)
    hooks.parked?.(letter)
    if (parking !== undefined) this.#keep(parking.put(letter, key, this.delivery))
    if (share.claim === 'claimed') void dedup?.release(share.claims)
  }

  /** A copy of a parked event is at its end without being handled. */
  #ended({ subscriber }: Share): void {
    if (this.parked !== undefined) this.#over = subscriber.name
  }

  /** After what became of it was stored: should the process die in between, the next owner of the key finds it late. */
  #leaveParking(handler: string | undefined): Awaitable<void> {
    const { parking } = this.engine
    const { parked } = this
    const { key } = this.delivery.message
    if (handler === undefined || parking === undefined || parked === undefined || key === undefined || this.#isGone()) return
    return parking.passed(handler, key, this.delivery, parked.id)
  }

  /** Somebody else has it now, under the same name, and with it its claims: to give them back would take them away from there. */
  #giveUp(): number {
    this.engine.dedup?.forget(this.#claims)
    this.#forgetRemembered()
    this.engine.lost(this.delivery)
    return finished
  }

  #letGo(): number {
    this.abandon()
    return finished
  }

  #isLeaving(): boolean {
    return this.delivery.leaving?.aborted === true
  }

  #isGone(): boolean {
    return this.#refused || this.delivery.lost.aborted
  }

  #note(): Awaitable<boolean> {
    if (this.engine.broadcast) return true
    return after(this.engine.note(this.delivery, this.#progress(this.#letters)), (kept) => {
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
    const { firstAttemptAt, redriven: letter, parked } = this.past
    return encodeProgress({ firstAttemptAt, handlers, letter, parked })
  }

  /** What the acknowledgement waits for. */
  #keep(kept: Promise<unknown>): void {
    kept.catch(() => undefined)
    this.#remembered = this.#remembered === undefined ? kept : Promise.all([this.#remembered, kept])
  }

  #release(): void {
    const claims = this.#claims
    if (claims.length > 0) void this.engine.dedup?.release(claims)
  }

  get #claims(): readonly Claim[] {
    return this.#shares.filter(({ claim }) => claim === 'claimed').flatMap((share) => share.claims)
  }

  /** Nobody waits for it any more, and where it fails the event comes again. */
  #forgetRemembered(): void {
    this.#remembered?.catch(() => undefined)
  }

  #remove(share: Share): void {
    if (this.#shares.length === 1) this.#shares = none
    else this.#shares = this.#shares.filter((each) => each !== share)
  }

  #orphan(name: string, attempts: number): void {
    if (this.parked !== undefined) this.#over = name
    this.#letters = [...this.#letters, this.past.orphan(name, attempts)]
  }
}
