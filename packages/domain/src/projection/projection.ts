import {
  type Abortable,
  type AnyTarget,
  ClosedError,
  ConfigurationError,
  type EventOf,
  type GeneralEvent,
  InterlineError,
  type RecordedEvent,
  RetryPolicy,
  storedEventsOf,
} from '@interline/core'
import { pause } from '../pause.js'
import { placeOf, type RanEvents, runEvents } from './event-runner.js'
import { HandlerList } from './handler-list.js'
import {
  type LagOptions,
  type ProjectionHandler,
  type ProjectionLag,
  type ProjectionOptions,
  type ProjectionStatus,
  projectionDefaults,
} from './projection-options.js'
import { type ProjectionRecord, ProjectionRecords } from './projection-record.js'
import { ProjectionRunner } from './projection-runner.js'
import { ResolvedProjection } from './resolved-projection.js'

const never = new AbortController().signal
const checkMs = 20

/** A projection does not go on: by `caughtUp`. */
export class ProjectionStoppedError extends InterlineError {
  override readonly code = 'INTERLINE_PROJECTION_STOPPED'
}

/**
 * A read model that is kept up to date from a store's events: all of them, in the store's order, from the beginning. Of all processes that
 * start it one runs it, and another goes on from its checkpoint where it dies. An event is handled at least once; exactly once in effect
 * where its handlers write by the transaction that holds the checkpoint.
 */
export class Projection implements AsyncDisposable {
  readonly #options: ProjectionOptions
  readonly #projection: ResolvedProjection
  readonly #records: ProjectionRecords
  readonly #retry: RetryPolicy
  readonly #handlers = new HandlerList()
  #runner: ProjectionRunner | undefined
  #closed = false

  constructor(options: ProjectionOptions) {
    this.#projection = new ResolvedProjection(options)
    this.#options = options
    this.#records = new ProjectionRecords(options.name)
    this.#retry = new RetryPolicy(options.retry, projectionDefaults.retry)
  }

  get name(): string {
    return this.#projection.name
  }

  /** Before it is started. Several handlers of one type run in the order in which they were added. */
  on<const Target extends AnyTarget | readonly AnyTarget[]>(
    target: Target,
    handler: ProjectionHandler<Target extends string ? GeneralEvent : EventOf<Target> & object>,
  ): this {
    if (this.#runner !== undefined) throw new ConfigurationError(`Projection "${this.name}" is started. Add its handlers before.`)
    this.#handlers.add(target, handler as ProjectionHandler<never>)
    return this
  }

  /** Resolves when the store is reached; what is there already is then worked off. */
  async start(options: Abortable = {}): Promise<void> {
    this.#checkOpen()
    if (this.#handlers.types.length === 0)
      throw new ConfigurationError(`Projection "${this.name}" handles nothing. Add a handler: .on(Event, …).`)
    await this.#projection.store.connect(options)
    this.#checkOpen()
    this.#runner ??= this.#newRunner()
  }

  /** Nothing more is handled, by any process, until `resume`. Resolves when that is noted; each finishes what it has at hand. */
  async pause(): Promise<void> {
    await this.#change((record) => ({ ...record, paused: true }))
  }

  /** Goes on after `pause`, or after it stopped: with the event that stopped it, or without it. */
  async resume({ skip = false }: { readonly skip?: boolean | undefined } = {}): Promise<void> {
    await this.#change(({ poison, ...record }) => ({
      ...record,
      paused: undefined,
      poison: skip && poison !== undefined ? { ...poison, skip: true } : undefined,
    }))
    const stopped = this.#runner
    if (stopped?.state !== 'stopped') return
    await stopped.end()
    // not where it was closed meanwhile, nor where somebody else had it go on
    if (this.#runner === stopped && !this.#closed) this.#runner = this.#newRunner()
  }

  /** Empties it, by `tearDown` and `setUp`, and begins anew. Readers see it grow from nothing: `rebuild` spares them that. */
  async reset(): Promise<void> {
    await this.#change((record) => ({ ...record, resetting: record.live }))
    if (this.#runner?.state === 'stopped') await this.resume()
  }

  /**
   * Builds it anew beside the live one, which goes on meanwhile, and takes its place when it has caught up: `target()` then gives the new
   * name. One that is being built is begun anew.
   */
  async rebuild(): Promise<void> {
    await this.#change(({ highest, retired, next, ...record }) => {
      const given = next === undefined ? retired : [...(retired ?? []), { generation: next, at: 0 }]
      return { ...record, retired: given, next: highest + 1, highest: highest + 1 }
    })
  }

  /** Where to read from now: ask before each read, or often. */
  async target(): Promise<string> {
    return this.#projection.targetOf((await this.#load()).live)
  }

  /** How far the live one is behind, whichever process runs it. */
  async lag({ limit = projectionDefaults.lagLimit, signal }: LagOptions = {}): Promise<ProjectionLag> {
    const { store, clock } = this.#projection
    const { live } = await this.#load()
    const after = await store.checkpoints.load(this.#projection.checkpointOf(live), { signal })
    let events = 0
    let first: number | undefined
    for await (const { recordedAt } of store.readAll({ after, types: this.#handlers.types, limit: limit + 1, signal })) {
      first ??= recordedAt
      events++
    }
    return { events: Math.min(events, limit), more: events > limit, ageMs: first === undefined ? 0 : Math.max(0, clock.now() - first) }
  }

  async status(): Promise<ProjectionStatus> {
    const { live, next, poison, paused } = await this.#load()
    const own = this.#closed ? 'closed' : (this.#runner?.state ?? 'idle')
    const state = paused === true && own !== 'closed' && own !== 'stopped' ? 'paused' : own
    return { state, reason: this.#runner?.reason, live, next, target: this.#projection.targetOf(live), poison }
  }

  /** Resolves at a moment when nothing was left to do: no event, no reset, no rebuild. Rejects where it stopped. */
  async caughtUp({ signal }: Abortable = {}): Promise<void> {
    for (;;) {
      if (this.#runner?.state === 'stopped') {
        throw new ProjectionStoppedError(`Projection "${this.name}" stopped: ${this.#runner.reason} Correct that and call resume().`)
      }
      const { next, resetting, poison } = await this.#load()
      if (next !== undefined && poison?.generation === next && poison.skip !== true) {
        throw new ProjectionStoppedError(
          `The rebuild of projection "${this.name}" stopped: event ${poison.eventId} can't be handled: ${poison.error} Correct that and call resume().`,
        )
      }
      if (next === undefined && resetting === undefined && (await this.lag({ limit: 1, signal })).events === 0) return
      this.#runner?.wake()
      await pause(this.#projection.clock, checkMs, signal)
    }
  }

  /** Runs its handlers for events out of their turn, without its checkpoint: what a replay does. In one transaction where it has them. */
  async replay(events: readonly RecordedEvent[], { signal = never }: Abortable = {}): Promise<RanEvents> {
    const { store, transactional } = this.#projection
    const { live } = await this.#load()
    const target = this.#projection.targetOf(live)
    const run = (tx?: Parameters<typeof placeOf>[3]): Promise<RanEvents> =>
      runEvents(events, this.#handlers, storedEventsOf(store), {
        place: placeOf(target, live, signal, tx),
        token: 0,
        replayed: true,
        ending: signal,
      })
    if (!transactional || store.checkpoints.transaction === undefined) return run()
    let ran: RanEvents = { done: 0, failed: undefined }
    try {
      await store.checkpoints.transaction(async (tx) => {
        ran = await run(tx)
        if (ran.failed !== undefined) throw ran.failed.error
      })
    } catch (thrown) {
      if (thrown !== ran.failed?.error) throw thrown
      return { done: 0, failed: ran.failed }
    }
    return ran
  }

  /** Finishes the event at hand and gives the projection to another process. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#runner?.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError(`Projection "${this.name}" is closed. Make a new one.`)
  }

  #newRunner(): ProjectionRunner {
    return new ProjectionRunner({
      options: this.#options,
      projection: this.#projection,
      handlers: this.#handlers,
      records: this.#records,
      retry: this.#retry,
    })
  }

  async #load(): Promise<ProjectionRecord> {
    return this.#records.load(this.#projection.store.checkpoints)
  }

  async #change(change: (record: ProjectionRecord) => ProjectionRecord): Promise<void> {
    await this.#projection.store.connect()
    await this.#records.change(this.#projection.store.checkpoints, change)
    this.#runner?.wake()
  }
}
