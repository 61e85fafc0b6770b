import {
  type ClaimedSaga,
  type IClock,
  type ISagaStore,
  keptEvent,
  RetryLater,
  RetryPolicy,
  type SagaChange,
  type SagaRecord,
  type SagaStatus,
  toError,
} from '@interline/core'
import type { CommandBus } from '../request/command-bus.js'
import type { AnySagaStep, AnySagaWork, SagaDefinition } from './define-saga.js'
import { isMachinery } from './is-machinery.js'
import { LeaseKeeper } from './lease-keeper.js'
import { type Outgoing, readBody, type SagaBody, type SagaHistoryEntry, type SagaTimer, writeBody } from './saga-body.js'
import { RunContext } from './saga-context.js'
import { checkState, loadState } from './saga-state.js'

export interface SagaHost {
  readonly store: ISagaStore
  readonly clock: IClock
  readonly leaseMs: number
  readonly commands: CommandBus | undefined
  readonly publish: ((event: object, key: string | undefined) => Promise<void>) | undefined
  /** The definition that a stored saga goes on by; throws where there is none. */
  readonly definitionFor: (type: string, id: string, body: SagaBody) => SagaDefinition
  /** Told of every saga that waits for an operator now. */
  readonly parked: (record: SagaRecord, reason: string) => void
}

export interface Adjustment {
  readonly body: SagaBody
  readonly status: SagaStatus
}

interface RunOptions {
  readonly timeoutMs?: number | undefined
  readonly occasion?: string | undefined
  readonly timers?: readonly SagaTimer[] | undefined
}

const postponeMs = 1_000

/** The saga is somebody else's now. */
class LostSaga extends Error {
  constructor() {
    super('Another process has taken over the saga.')
  }
}

/** Works on one saga while it is claimed: publishes what it owes, does its steps, or undoes them, and what its timeouts say. */
export class SagaRun {
  readonly #host: SagaHost
  readonly #keeper: LeaseKeeper
  readonly #began: number
  readonly #storeNow: number
  #record: SagaRecord
  #body: SagaBody
  #status: SagaStatus
  #definition: SagaDefinition | undefined
  #state: unknown
  #lapsed: boolean

  constructor(host: SagaHost, { record, now, lapsed }: ClaimedSaga) {
    this.#host = host
    this.#record = record
    this.#body = readBody(record.body)
    this.#status = record.status
    this.#storeNow = now
    this.#began = host.clock.monotonic()
    this.#lapsed = lapsed
    this.#keeper = new LeaseKeeper(host.store, host.clock, host.leaseMs, record)
  }

  /** As it was last stored. */
  get record(): SagaRecord {
    return this.#record
  }

  /** Whether it is another process's now. */
  get lost(): boolean {
    return this.#keeper.signal.aborted
  }

  /** Until nothing is to be done now. Resolves also when the saga was lost to another process. Rejects where the store or broker is away. */
  async run(): Promise<void> {
    const wasParked = this.#status === 'parked'
    try {
      for (;;) {
        await this.#sendOut()
        const dueAt = await this.#turn()
        if (dueAt === 'again') continue
        await this.#save({ dueAt, release: true })
        break
      }
    } catch (thrown) {
      if (thrown instanceof LostSaga) return
      throw thrown
    }
    if (this.#status === 'parked' && !wasParked) this.#host.parked(this.#record, this.#body.reason?.message ?? '')
  }

  /** Runs what an event asks for, and stores it. Rejects with what it threw, and then nothing is stored. */
  async react(eventId: string, name: string, work: AnySagaWork): Promise<'done' | 'again'> {
    try {
      if (this.#body.seen.includes(eventId) || this.#hasEnded()) {
        await this.giveBack()
        return 'done'
      }
      if (this.#status === 'parked') throw parkedNow(this.#record, this.#body)
      this.#load()
      await this.#do(name, work, { occasion: eventId })
      this.#change({ seen: [...this.#body.seen, eventId], history: this.#told({ what: 'event', name }) })
      await this.#save({ dueAt: this.#atOnce, release: false })
      return 'again'
    } catch (thrown) {
      if (thrown instanceof LostSaga) throw new RetryLater({ afterMs: 0, cause: thrown })
      await this.giveBack()
      throw thrown
    }
  }

  /** For an operator: changes what is stored, and lets it go on. */
  async adjust(change: (body: SagaBody, now: number) => Adjustment): Promise<void> {
    const { body, status } = change(this.#body, this.#now)
    this.#body = body
    this.#status = status
    await this.#save({ dueAt: this.#atOnce, release: true })
  }

  /** After the store or the broker was away: has it tried again before long. What cannot be stored now comes back when the lease ends. */
  async postpone(): Promise<void> {
    try {
      await this.#save({ dueAt: this.#now + postponeMs, release: true })
    } catch (thrown) {
      if (!(thrown instanceof LostSaga)) this.#keeper.lose()
    }
  }

  /** Ends what keeps the lease, whatever became of it. */
  async end(): Promise<void> {
    await this.#keeper.stop()
  }

  get #now(): number {
    return Math.floor(this.#storeNow + (this.#host.clock.monotonic() - this.#began))
  }

  /** Due when it was claimed: by the store's clock that has certainly come. */
  get #atOnce(): number {
    return this.#storeNow
  }

  #hasEnded(): boolean {
    return this.#status === 'completed' || this.#status === 'compensated' || this.#status === 'compensating'
  }

  /** One thing. Answers when the next one is due, or that it is now. */
  async #turn(): Promise<number | undefined | 'again'> {
    if (this.#status !== 'running' && this.#status !== 'compensating') return undefined
    try {
      this.#load()
    } catch (thrown) {
      return this.#park(toError(thrown))
    }
    if (this.#lapsed && (await this.#noteLapse())) return undefined
    const { attempts, retryAt } = this.#body
    // an event that came meanwhile does not shorten the pause after a failure
    if (attempts > 0 && retryAt !== undefined && retryAt > this.#now) return retryAt
    return this.#status === 'running' ? this.#goOn() : this.#undo()
  }

  async #goOn(): Promise<number | undefined | 'again'> {
    const { steps, on, timeouts } = this.#known()
    const { done, timers } = this.#body
    const next = steps[done.length]
    const timer = [...timers].sort((left, right) => left.at - right.at).find(({ name }) => name !== waitingFor(next))
    if (timer !== undefined && timer.at <= this.#now) return this.#timeout(timer)
    if (next === undefined) {
      if (steps.length > 0 && on.length === 0 && Object.keys(timeouts).length === 0) return this.#finish('completed')
      return timer?.at
    }
    if (!done.every((name, index) => steps[index]?.name === name)) {
      return this.#park(new Error(`The stored steps ${done.join(', ')} are not those of version ${this.#body.version} here.`))
    }
    if (next.delayMs > 0) {
      const waiting = timers.find(({ name }) => name === waitingFor(next))
      const at = waiting?.at ?? this.#now + next.delayMs
      if (at > this.#now) {
        if (waiting === undefined) this.#change({ timers: [...timers, { name: waitingFor(next), at }] })
        return Math.min(at, timer?.at ?? at)
      }
      this.#change({ timers: timers.filter(({ name }) => name !== waitingFor(next)) })
    }
    return this.#step(next)
  }

  async #step(next: AnySagaStep): Promise<number | undefined | 'again'> {
    try {
      if (next.execute !== undefined) await this.#do(next.name, next.execute, next)
    } catch (thrown) {
      if (thrown instanceof LostSaga) throw thrown
      const error = toError(thrown)
      if (!(this.#known().isRetryable ?? isMachinery)(error)) return this.#fail(error, next.name)
      return this.#later(error, next.name)
    }
    this.#change({ done: [...this.#body.done, next.name], attempts: 0, history: this.#told({ what: 'did', name: next.name }) })
    return this.#afterWork()
  }

  async #timeout({ name, at }: SagaTimer): Promise<number | undefined | 'again'> {
    const timeout = this.#known().timeouts[name]
    if (timeout === undefined) return this.#park(new Error(`There is no timeout "${name}" in version ${this.#body.version} here.`))
    const timers = this.#body.timers.filter((timer) => timer.name !== name)
    try {
      await this.#do(name, timeout.run, { occasion: String(at), timers })
    } catch (thrown) {
      if (thrown instanceof LostSaga) throw thrown
      return this.#later(toError(thrown), name)
    }
    this.#change({ attempts: 0, history: this.#told({ what: 'timeout', name }) })
    return this.#afterWork()
  }

  async #undo(): Promise<number | undefined | 'again'> {
    const last = this.#body.done.at(-1)
    if (last === undefined) return this.#finish('compensated')
    const step = this.#known().steps.find(({ name }) => name === last)
    if (step === undefined)
      return this.#park(new Error(`The step "${last}" is not in version ${this.#body.version} here, so it can't be undone.`))
    try {
      if (step.compensate !== undefined) await this.#do(last, step.compensate, step)
    } catch (thrown) {
      if (thrown instanceof LostSaga) throw thrown
      return this.#later(toError(thrown), last)
    }
    const history = step.compensate === undefined ? this.#body.history : this.#told({ what: 'undid', name: last })
    this.#change({ done: this.#body.done.slice(0, -1), attempts: 0, history })
    if (this.#body.done.length === 0) return this.#finish('compensated')
    await this.#save({ dueAt: this.#atOnce, release: false })
    return 'again'
  }

  /** Stores what was done before the next thing is, as a step may not be done twice. */
  async #afterWork(): Promise<'again' | undefined> {
    const { steps, on, timeouts } = this.#known()
    const last = this.#status === 'running' && this.#body.done.length === steps.length && steps.length > 0
    if (last && on.length === 0 && Object.keys(timeouts).length === 0) return this.#finish('completed')
    await this.#save({ dueAt: this.#atOnce, release: false })
    return 'again'
  }

  /** Done or undone: with one save where nothing is left to send. */
  async #finish(status: 'completed' | 'compensated'): Promise<'again' | undefined> {
    this.#status = status
    this.#change({ timers: [], attempts: 0, history: this.#told({ what: status }) })
    if (this.#body.outgoing.length === 0) return undefined
    await this.#save({ dueAt: this.#atOnce, release: false })
    return 'again'
  }

  async #fail(error: Error, name: string): Promise<'again' | undefined> {
    this.#compensate({ name: error.name, message: error.message }, { what: 'failed', name, error: error.message })
    if (this.#body.done.length === 0) return this.#finish('compensated')
    await this.#save({ dueAt: this.#atOnce, release: false })
    return 'again'
  }

  #compensate(reason: { readonly name: string; readonly message: string }, entry: Omit<SagaHistoryEntry, 'at'>): void {
    this.#status = 'compensating'
    this.#change({ reason, attempts: 0, timers: [], history: this.#told(entry) })
  }

  /** Another try after a while; past the last one, an operator's. */
  #later(error: Error, name: string): number | undefined {
    const policy = new RetryPolicy(this.#known().retry)
    const attempts = this.#body.attempts + 1
    const retryAt = Math.ceil(this.#now + policy.delayAfter(attempts))
    this.#change({ attempts, retryAt, history: this.#told({ what: 'failed', name, error: error.message }) })
    return attempts >= policy.maxAttempts ? this.#park(error) : retryAt
  }

  #park(error: Error): undefined {
    const parkedFrom = this.#status === 'compensating' ? 'compensating' : 'running'
    this.#status = 'parked'
    this.#change({
      parkedFrom,
      reason: { name: error.name, message: error.message },
      history: this.#told({ what: 'parked', error: error.message }),
    })
    return undefined
  }

  /** A process may have died of what it did: that counts as a failed run, and is stored before the next one. */
  async #noteLapse(): Promise<boolean> {
    this.#lapsed = false
    const { maxAttempts } = new RetryPolicy(this.#known().retry)
    const attempts = this.#body.attempts + 1
    this.#change({ attempts })
    if (attempts >= maxAttempts) {
      this.#park(new Error(`Its process died, or was cut off, ${attempts} times in the same place.`))
      return true
    }
    await this.#save({ dueAt: this.#atOnce, release: false })
    return false
  }

  /** Runs something and takes over what it asked for. */
  async #do(name: string, work: AnySagaWork, { timeoutMs, occasion, timers = this.#body.timers }: RunOptions): Promise<void> {
    const { type, id } = this.#record
    const late = new AbortController()
    const context = new RunContext({
      type,
      id,
      step: this.#status === 'compensating' ? `${name}:compensate` : name,
      occasion,
      attempt: this.#body.attempts + 1,
      signal: AbortSignal.any([this.#keeper.signal, late.signal]),
      now: this.#now,
      timers,
      knownTimeouts: Object.keys(this.#known().timeouts),
      correlationId: this.#body.correlationId,
      reason: this.#status === 'compensating' ? this.#body.reason : undefined,
      sendsCommands: this.#host.commands !== undefined,
      publishes: this.#host.publish !== undefined,
    })
    const draft = checkState(this.#known(), this.#state)
    const state = (await this.#within(timeoutMs, late, async () => work(draft as never, context))) ?? draft
    if (this.#keeper.signal.aborted) throw new LostSaga()
    // As the next process would find it.
    this.#state = JSON.parse(JSON.stringify(state ?? null))
    this.#change({ state: this.#state, timers: context.timers, outgoing: [...this.#body.outgoing, ...context.outgoing] })
    if (context.ending === 'completed') {
      this.#status = 'completed'
      this.#change({ timers: [], history: this.#told({ what: 'completed' }) })
    } else if (context.ending !== undefined) {
      this.#compensate({ name: 'Error', message: context.ending.reason }, { what: 'failed', name, error: context.ending.reason })
    }
  }

  #within<T>(timeoutMs: number | undefined, late: AbortController, work: () => Promise<T>): Promise<T> {
    if (timeoutMs === undefined) return work()
    return new Promise((resolve, reject) => {
      const timer = this.#host.clock.setTimer(() => {
        const error = Object.assign(new Error(`It took longer than ${timeoutMs} ms.`), { retryable: true })
        late.abort(error)
        reject(error)
      }, timeoutMs)
      work()
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  }

  /** Publishes in order what is stored as owed. Under the same ids each time. */
  async #sendOut(): Promise<void> {
    if (this.#body.outgoing.length === 0 || this.#status === 'parked') return
    try {
      for (const each of this.#body.outgoing) await this.#send(each)
    } catch (thrown) {
      if (isMachinery(thrown)) throw thrown
      // It would never be accepted: somebody has to look at it.
      this.#park(toError(thrown))
      return
    }
    this.#change({ outgoing: [] })
  }

  async #send(each: Outgoing): Promise<void> {
    if (each.kind === 'event') await this.#host.publish?.(keptEvent(each.event), each.event.key)
    else await this.#host.commands?.send(each.command, { key: each.key })
  }

  #load(): void {
    if (this.#definition !== undefined) return
    const { type, id } = this.#record
    this.#definition = this.#host.definitionFor(type, id, this.#body)
    this.#state = loadState(this.#definition, this.#body)
    this.#change({ version: this.#definition.version })
    if (!this.#body.begun) this.#begin()
  }

  /** From here on its timeouts run, by the store's clock. */
  #begin(): void {
    const timers = Object.entries(this.#known().timeouts).flatMap(([name, { afterMs }]) =>
      afterMs === undefined ? [] : [{ name, at: this.#now + afterMs }],
    )
    this.#change({ begun: true, timers, history: this.#told({ what: 'began' }) })
  }

  #known(): SagaDefinition {
    return this.#definition as SagaDefinition
  }

  #change(change: Partial<SagaBody>): void {
    this.#body = { ...this.#body, ...change }
  }

  #told(entry: Omit<SagaHistoryEntry, 'at'>): readonly SagaHistoryEntry[] {
    return [...this.#body.history, { at: this.#now, ...entry }]
  }

  async #save({ dueAt, release }: { readonly dueAt: number | undefined; readonly release: boolean }): Promise<void> {
    const change: SagaChange = { status: this.#status, dueAt: dueAt && Math.ceil(dueAt), body: writeBody(this.#body) }
    const saved = await this.#host.store.save(this.#record, change, { leaseMs: release ? undefined : this.#host.leaseMs })
    if (saved === undefined) {
      this.#keeper.lose()
      throw new LostSaga()
    }
    this.#record = saved
    this.#keeper.record = saved
  }

  /** As it was stored, for whoever comes next. */
  async giveBack(): Promise<void> {
    const { status, dueAt, body } = this.#record
    const saved = await this.#host.store.save(this.#record, { status, dueAt, body }, {})
    if (saved !== undefined) this.#record = saved
  }
}

function parkedNow({ type, id }: SagaRecord, { reason }: SagaBody): Error {
  return new Error(`The saga ${type} ${id} is parked (${reason?.message ?? 'no reason'}). Resume or cancel it, then redrive this event.`)
}

const waitingFor = (step: AnySagaStep | undefined): string => `delay:${step?.name ?? ''}`
