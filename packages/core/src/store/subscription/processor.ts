import type { RetryPolicy } from '../../delivery/retry-policy.js'
import { isInterlineError, toError } from '../../errors.js'
import type { CloseOptions } from '../../ports/abortable.js'
import type { IClock, Timer } from '../../ports/clock.js'
import type { IEventStore, Position, ReadAllOptions, RecordedEvent } from '../../ports/event-store.js'
import { HeldLease } from '../held-lease.js'
import { BatchError, isFinal } from './batch-error.js'
import type { ProcessorState } from './processor-state.js'

export interface Batch {
  /** In the store's order, one at least. */
  readonly events: readonly RecordedEvent[]
  /** The checkpoint before them: what a transaction that saves `position` with its own effects compares and sets. */
  readonly expected: Position
  /** The checkpoint after them. */
  readonly position: Position
  /** How often the first of them was tried, this time included. */
  readonly attempt: number
  /** Aborted when another process may have taken over, or a close can't wait: stop, and save nothing. */
  readonly signal: AbortSignal
  /** Aborted when it is to pause or close: what runs may finish, and the others stay for later. */
  readonly stopping: AbortSignal
}

export interface ProcessorSettings {
  readonly store: Pick<IEventStore, 'connect' | 'head' | 'readAll' | 'onAppended' | 'leases'>
  /** All processors of a name are one: one of them runs at a time. */
  readonly name: string
  readonly owner: string
  /** Where the very first one of the name begins. */
  readonly from: 'beginning' | 'now' | Date
  readonly filter: Pick<ReadAllOptions, 'types' | 'correlationId' | 'aggregateType' | 'tenantId'>
  readonly batchSize: number
  readonly pollMs: number
  readonly leaseMs: number
  readonly retry: RetryPolicy
  /** What is done about an event that was tried as often as `retry` says. */
  readonly poison: 'stop' | 'skip'
  readonly clock: IClock
  readonly load: () => Promise<Position | undefined>
  /** Compare and set. A processor whose `handle` saves the checkpoint itself, in its own transaction, answers true. */
  readonly save: (position: Position, expected: Position | undefined) => Promise<boolean>
  /**
   * Handles events in order; answers how many, where it was stopped before the end. Where it rejects none of them counts as handled, unless BatchError says how many; they are tried again, one at
   * a time, so that the one that can't be handled is found.
   */
  readonly handle: (batch: Batch) => Promise<number | undefined>
  readonly onState: (state: ProcessorState) => void
  readonly onSkipped: (event: RecordedEvent, error: Error) => void
}

/** Before the first event, in every store. */
const beginning: Position = '0'
const interruptedMs = 500
const closeTimeoutMs = 10_000

/**
 * Reads a store from a checkpoint on, for good: catches up, then follows. One process at a time does so, by a lease; another takes over
 * from the checkpoint, so what was handled since may be handled once more. A checkpoint only ever moves from where this processor knew
 * it to be: one that has lost its lease without noticing can move nothing.
 */
export class Processor {
  readonly #settings: ProcessorSettings
  readonly #lease: HeldLease
  readonly #closing = new AbortController()
  #state: ProcessorState = { kind: 'waiting' }
  #held: AbortSignal | undefined
  #position: Position | undefined
  #passedOverAt = Number.NEGATIVE_INFINITY
  #failures = 0
  /** How many events go one at a time, as one of them failed. */
  #singly = 0
  #stopping = new AbortController()
  #appended = true
  #wake: () => void = () => undefined
  #stopListening: (() => void) | undefined
  #loop: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(settings: ProcessorSettings) {
    this.#settings = settings
    const { store, name, owner, leaseMs: durationMs, clock } = settings
    this.#lease = new HeldLease({ leases: store.leases, name, owner, durationMs, clock })
  }

  get state(): ProcessorState {
    return this.#state
  }

  /** Resolves when its place in the store is known: from then on, nothing that it has not read is given up. */
  async start(): Promise<void> {
    const { store } = this.#settings
    await store.connect()
    await this.#place()
    this.#stopListening = store.onAppended(() => {
      this.#appended = true
      this.#wake()
    })
    this.#loop = this.#run()
  }

  pause(): void {
    this.#stopping.abort()
    this.#wake()
  }

  /** Goes on after a pause; where it has stopped, with the event that could not be handled, or after it. */
  async resume({ skip = false }: { readonly skip?: boolean | undefined } = {}): Promise<void> {
    const state = this.#state
    if (state.kind === 'stopped') {
      if (skip) await this.#passOver(state.event, state.error)
      this.#failures = 0
      this.#enter({ kind: 'waiting' })
    }
    if (this.#paused) this.#stopping = new AbortController()
    this.#wake()
  }

  /** What is being handled may finish, in time. */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#close(options)
    return this.#closed
  }

  async #close({ timeoutMs = closeTimeoutMs, signal }: CloseOptions): Promise<void> {
    this.#stopListening?.()
    this.#stopping.abort()
    const abort = (): void => this.#closing.abort()
    this.#enter({ kind: 'closed' })
    this.#wake()
    const timer = this.#settings.clock.setTimer(abort, timeoutMs)
    signal?.addEventListener('abort', abort)
    await this.#loop
    timer.cancel()
    signal?.removeEventListener('abort', abort)
  }

  get #paused(): boolean {
    return this.#stopping.signal.aborted
  }

  async #run(): Promise<void> {
    while (this.#state.kind !== 'closed') {
      try {
        await this.#turn()
      } catch (thrown) {
        this.#position = undefined
        const error = toError(thrown)
        if (isInterlineError(error) && error.code === 'INTERLINE_CLOSED') this.#enter({ kind: 'closed' })
        this.#enter({ kind: 'interrupted', error })
        await this.#pause(interruptedMs)
      }
    }
    this.#stopListening?.()
    // Where the store can't be told, the lease ends by itself.
    await this.#lease.release().catch(() => undefined)
  }

  async #turn(): Promise<void> {
    const { pollMs, leaseMs } = this.#settings
    if (this.#state.kind === 'stopped') {
      // Another process may know better, or have a newer version of what failed here.
      await this.#lease.release()
      this.#position = undefined
      if (this.#hasStopped()) await this.#pause(undefined)
      return
    }
    if (!(await this.#lease.hold())) {
      this.#position = undefined
      this.#enter({ kind: 'waiting' })
      return this.#pause(Math.min(pollMs, leaseMs / 2))
    }
    if (this.#held !== this.#lease.lost) {
      // Held anew: somebody else may have moved the checkpoint meanwhile.
      this.#held = this.#lease.lost
      this.#position = undefined
    }
    if (this.#paused) {
      this.#enter({ kind: 'paused' })
      return this.#pause(undefined)
    }
    this.#appended = false
    if (await this.#readOn()) return
    if (this.#appended || this.#paused || this.#hasStopped()) return
    this.#enter({ kind: 'live' })
    await this.#pause(pollMs)
  }

  /** Answers whether there may be more to read at once. */
  async #readOn(): Promise<boolean> {
    const { store, filter, from, batchSize } = this.#settings
    const position = (this.#position ??= await this.#place())
    const head = await store.head()
    if (head === position) return false
    if (this.#state.kind !== 'live') this.#enter({ kind: 'catching-up' })
    const since = from instanceof Date && position === beginning ? from : undefined
    let events: RecordedEvent[] = []
    let found = false
    for await (const event of store.readAll({ ...filter, since, after: position })) {
      found = true
      events.push(event)
      if (events.length < (this.#singly > 0 ? 1 : batchSize)) continue
      if (!(await this.#handle(events))) return true
      events = []
    }
    if (events.length > 0) return !(await this.#handle(events))
    // What is not wanted is passed as well: retention need not keep it, and nobody looks at it again.
    if (!found) await this.#passUnwanted(head)
    return false
  }

  /** Not for every event that comes, where few are wanted of many. */
  async #passUnwanted(head: Position): Promise<void> {
    const { clock, pollMs } = this.#settings
    const now = clock.monotonic()
    if (now - this.#passedOverAt < pollMs) return
    this.#passedOverAt = now
    await this.#save(head)
  }

  /** Answers whether to go on with what was read. */
  async #handle(events: readonly RecordedEvent[]): Promise<boolean> {
    const signal = AbortSignal.any([this.#lease.lost, this.#closing.signal])
    const expected = this.#position as Position
    const position = (events.at(-1) as RecordedEvent).position
    const batch = { events, expected, position, attempt: this.#failures + 1, signal, stopping: this.#stopping.signal }
    let handled: number
    try {
      signal.throwIfAborted()
      // A handler that ignores its signal is not waited for.
      handled = (await Promise.race([this.#settings.handle(batch), rejected(signal)])) ?? events.length
      signal.throwIfAborted()
    } catch (thrown) {
      if (signal.aborted) this.#position = undefined
      else await this.#failed(events, thrown)
      return false
    }
    const last = events[handled - 1]
    if (last === undefined) return false
    this.#failures = 0
    this.#singly = Math.max(0, this.#singly - handled)
    await this.#save(last.position)
    return !this.#paused && handled === events.length && this.#position !== undefined
  }

  async #failed(events: readonly RecordedEvent[], thrown: unknown): Promise<void> {
    const { retry, poison } = this.#settings
    const handled = thrown instanceof BatchError ? thrown.handled : 0
    const error = toError(thrown instanceof BatchError ? thrown.cause : thrown)
    if (handled > 0) {
      await this.#save((events[handled - 1] as RecordedEvent).position)
      this.#failures = 0
    }
    this.#singly = Math.max(this.#singly, events.length) - handled
    const event = events[handled] as RecordedEvent
    // Of several that failed together, nobody knows which one it was.
    if (!(thrown instanceof BatchError) && events.length > 1) return
    this.#failures++
    if (this.#failures < retry.maxAttempts && !isFinal(error)) return this.#pause(retry.delayAfter(this.#failures), true)
    this.#failures = 0
    if (poison === 'stop') this.#enter({ kind: 'stopped', event, error })
    else await this.#passOver(event, error)
  }

  async #passOver(event: RecordedEvent, error: Error): Promise<void> {
    this.#position ??= await this.#place()
    await this.#save(event.position)
    this.#settings.onSkipped(event, error)
  }

  /** Moves the checkpoint; where somebody else has moved it, this processor begins from there. */
  async #save(position: Position): Promise<void> {
    const saved = await this.#settings.save(position, this.#position)
    this.#position = saved ? position : undefined
  }

  async #place(): Promise<Position> {
    const { store, from, load, save } = this.#settings
    const known = await load()
    if (known !== undefined) return known
    const first = from === 'now' ? await store.head() : beginning
    return (await save(first, undefined)) ? first : ((await load()) ?? first)
  }

  #hasStopped(): boolean {
    return this.#state.kind === 'stopped'
  }

  #enter(state: ProcessorState): void {
    const before = this.#state
    if (before.kind === 'closed') return
    // The same trouble is told once, however often it is tried again.
    if (before.kind === state.kind && !('error' in before && 'error' in state && before.error.message !== state.error.message)) return
    this.#state = state
    this.#settings.onState(state)
  }

  /** Until something was appended, it is told something or the time is over; `fully` is not cut short by what is appended. */
  #pause(forMs: number | undefined, fully = false): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined
      const end = (): void => {
        timer?.cancel()
        this.#wake = () => undefined
        this.#closing.signal.removeEventListener('abort', end)
        resolve()
      }
      const ended = (): boolean => this.#state.kind === 'closed' || this.#closing.signal.aborted
      this.#wake = () => {
        if (!fully || ended() || this.#paused) end()
      }
      this.#closing.signal.addEventListener('abort', end)
      if (forMs !== undefined) timer = this.#settings.clock.setTimer(end, forMs, { background: true })
      if (ended()) end()
    })
  }
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
}
