import { randomUUID } from 'node:crypto'
import {
  type Abortable,
  type AnyTarget,
  ConfigurationError,
  type ErrorDetails,
  HeldLease,
  type IClock,
  type IEventStore,
  type ILogger,
  InterlineError,
  noteName,
  type RecordedEvent,
  systemClock,
} from '@interline/core'
import type { EventSourcedAggregate } from '../aggregate/event-sourced-aggregate.js'
import { consoleLogger } from '../console-logger.js'
import type { Repository } from '../repository/repository.js'
import { Pace } from './pace.js'
import { ReplayCount } from './replay-count.js'
import {
  type EventReplayServiceOptions,
  type ReplayOptions,
  type ReplayReport,
  type ReplaySelection,
  type ReplayTarget,
  replayDefaults,
} from './replay-options.js'
import { type ReplayNote, ReplayNotes } from './replay-progress.js'
import { type HandOver, handOverTo } from './replay-target.js'
import { SelectedEvents } from './selected-events.js'

/** An event that a replay could not hand over. With a name, the same replay goes on with it. */
export class ReplayError extends InterlineError {
  override readonly code = 'INTERLINE_REPLAY'
  readonly stream: string
  readonly version: number
  readonly position: string

  constructor({ stream, version, position }: RecordedEvent, error: Error, details?: ErrorDetails) {
    super(
      `The replay stopped at version ${version} of stream "${stream}": ${error.message} Correct that and replay again, or set onError: 'skip'.`,
      details,
    )
    this.stream = stream
    this.version = version
    this.position = position
  }
}

/**
 * Hands stored events over again: to a function, to a projection, or to a topic of its own. It has no part in what the events set off
 * when they were new: no group of the broker gets them, and they carry no trace.
 */
export class EventReplayService {
  readonly #store: IEventStore
  readonly #clock: IClock
  readonly #logger: Pick<ILogger, 'warn'>

  constructor({ store, clock = systemClock, logger = consoleLogger }: EventReplayServiceOptions) {
    this.#store = store
    this.#clock = clock
    this.#logger = logger
  }

  /** What a replay would hand over: how many, of which types, from when to when, and the first of them. */
  preview(selection: ReplaySelection, options: Pick<ReplayOptions, 'sample' | 'signal'> = {}): Promise<ReplayReport> {
    return this.replay(selection, () => undefined, { ...options, dryRun: true })
  }

  /**
   * Everything that was stored when it began. An event may be handed over twice where a replay with a name was interrupted. Rejects with
   * ReplayError, which says where, when an event fails.
   */
  async replay(selection: ReplaySelection, target: ReplayTarget, options: ReplayOptions = {}): Promise<ReplayReport> {
    checkOptions(options)
    const { name, dryRun = false, signal, sample = replayDefaults.sample } = options
    const selected = new SelectedEvents(selection)
    const handOver = handOverTo(target, this.#store)
    await this.#store.connect({ signal })
    if (dryRun) return this.#count(selected, new ReplayCount(sample), signal)
    if (name === undefined) return this.#run(selected, handOver, options, undefined)
    const lease = new HeldLease({
      leases: this.#store.leases,
      name: `replay:${name}`,
      owner: randomUUID(),
      durationMs: replayDefaults.leaseMs,
      clock: this.#clock,
    })
    if (!(await lease.hold())) throw new ConfigurationError(`The replay "${name}" is under way in another process. Wait for its end.`)
    try {
      return await this.#run(selected, handOver, options, lease.lost)
    } finally {
      await lease.release()
    }
  }

  replayByType(types: readonly AnyTarget[], target: ReplayTarget, options?: ReplayOptions): Promise<ReplayReport> {
    return this.replay({ types }, target, options)
  }

  replayByAggregate(aggregateType: string, aggregateId: string, target: ReplayTarget, options?: ReplayOptions): Promise<ReplayReport> {
    return this.replay({ aggregateType, aggregateId }, target, options)
  }

  /** The same in parts of `batchSize`, with a breath between them for what else the process does. */
  replayInBatches(batchSize: number, selection: ReplaySelection, target: ReplayTarget, options?: ReplayOptions): Promise<ReplayReport> {
    return this.replay(selection, target, { ...options, batchSize })
  }

  /** An aggregate as it was at a time, by the store's clock. */
  timeTravel<Aggregate extends EventSourcedAggregate<object>>(
    repository: Repository<Aggregate>,
    id: string,
    at: Date,
    options: Abortable = {},
  ): Promise<Aggregate> {
    return repository.load(id, { ...options, at })
  }

  /** Where a replay with a name was interrupted and is not to go on. */
  async forget(name: string): Promise<void> {
    await this.#store.checkpoints.remove(noteName(`replay:${name}`))
  }

  async #count(selected: SelectedEvents, count: ReplayCount, signal: AbortSignal = new AbortController().signal): Promise<ReplayReport> {
    let events = 0
    for await (const event of selected.read(this.#store, { begin: undefined, end: await this.#store.head(), signal })) {
      count.add(event)
      events++
    }
    return count.report(true, events, 0)
  }

  async #run(
    selected: SelectedEvents,
    handOver: HandOver,
    { name, batchSize = replayDefaults.batchSize, eventsPerSecond, onError = 'stop', onProgress, signal: given }: ReplayOptions,
    lost: AbortSignal | undefined,
  ): Promise<ReplayReport> {
    const signal = AbortSignal.any([given, lost].filter((each) => each !== undefined))
    const notes = new ReplayNotes(this.#store, name)
    const count = new ReplayCount(0)
    const pace = new Pace(this.#clock, eventsPerSecond)
    const most = eventsPerSecond === undefined ? batchSize : Math.max(1, Math.min(batchSize, Math.floor(eventsPerSecond / 10)))
    const beganAt = this.#clock.monotonic()
    let note = await notes.begin(selected.fingerprint)
    const before = note.events
    const passOn = async (batch: readonly RecordedEvent[]): Promise<void> => {
      await pace.pass(batch.length, signal)
      note = await this.#handOver(batch, handOver, note, { skips: onError === 'skip', notes, signal, count })
      await notes.save(note)
      signal.throwIfAborted()
      const last = batch[batch.length - 1] as RecordedEvent
      const seconds = Math.max(1, this.#clock.monotonic() - beganAt) / 1_000
      const { events, skipped } = note
      onProgress?.({ events, skipped, position: last.position, recordedAt: last.recordedAt, eventsPerSecond: (events - before) / seconds })
    }
    let batch: RecordedEvent[] = []
    for await (const event of selected.read(this.#store, { begin: note.place, end: note.end, signal })) {
      batch.push(event)
      if (batch.length < most) continue
      await passOn(batch)
      batch = []
    }
    if (batch.length > 0) await passOn(batch)
    await notes.remove()
    return count.report(false, note.events, note.skipped)
  }

  /** A batch, around what is skipped of it. Answers where that leaves the replay. */
  async #handOver(
    batch: readonly RecordedEvent[],
    handOver: HandOver,
    before: ReplayNote,
    { skips, notes, signal, count }: { skips: boolean; notes: ReplayNotes; signal: AbortSignal; count: ReplayCount },
  ): Promise<ReplayNote> {
    let note = before
    let rest = batch
    const passed = (events: readonly RecordedEvent[], skipped: number): void => {
      const last = events[events.length - 1]
      if (last === undefined) return
      note = {
        ...note,
        place: { position: last.position, version: last.version },
        events: note.events + events.length - skipped,
        skipped: note.skipped + skipped,
      }
    }
    while (rest.length > 0) {
      const { done, error, undone } = await handOver(rest, signal)
      for (const event of rest.slice(0, done)) count.add(event)
      passed(rest.slice(0, done), 0)
      if (error === undefined && done === rest.length) break
      if (error === undefined) {
        await notes.save(note)
        signal.throwIfAborted()
        break
      }
      if (undone === true) {
        // Which of them it is shows one by one.
        for (const event of rest) note = await this.#handOver([event], handOver, note, { skips, notes, signal, count })
        break
      }
      const failed = rest[done] as RecordedEvent
      if (!skips) {
        await notes.save(note)
        throw new ReplayError(failed, error, { cause: error })
      }
      this.#logger.warn(`The replay skipped version ${failed.version} of stream "${failed.stream}": ${error.message}`)
      passed([failed], 1)
      rest = rest.slice(done + 1)
    }
    return note
  }
}

function checkOptions({ name, batchSize, eventsPerSecond, onError }: ReplayOptions): void {
  if (name !== undefined && (typeof name !== 'string' || name === '' || name.length > 200)) {
    throw new ConfigurationError('name must be a text of up to 200 characters, such as "rebuild-search".')
  }
  if (batchSize !== undefined && (!Number.isSafeInteger(batchSize) || batchSize < 1)) {
    throw new ConfigurationError(`batchSize is ${batchSize}; give a whole number from 1.`)
  }
  if (eventsPerSecond !== undefined && !(eventsPerSecond > 0)) {
    throw new ConfigurationError(`eventsPerSecond is ${eventsPerSecond}; give a number above 0, or leave it out.`)
  }
  if (onError !== undefined && onError !== 'stop' && onError !== 'skip') {
    throw new ConfigurationError(`onError is ${JSON.stringify(onError)}; give 'stop' or 'skip'.`)
  }
}
