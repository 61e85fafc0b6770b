import { randomUUID } from 'node:crypto'
import { HeldLease, isInterlineError, type RetryPolicy, storedEventsOf, toError } from '@interline/core'
import { consoleLogger } from '../console-logger.js'
import type { HandlerList } from './handler-list.js'
import type { ProjectionOptions, ProjectionState } from './projection-options.js'
import type { PoisonEvent, ProjectionRecord, ProjectionRecords } from './projection-record.js'
import type { ResolvedProjection } from './resolved-projection.js'
import { Track } from './track.js'
import { Upkeep } from './upkeep.js'
import { Wake } from './wake.js'

export interface RunnerSettings {
  readonly options: ProjectionOptions
  readonly projection: ResolvedProjection
  readonly handlers: HandlerList
  readonly records: ProjectionRecords
  readonly retry: RetryPolicy
}

const shortestRetryMs = 50

/** What one process does for a projection: waits for its turn, then handles what comes, and builds what is to take its place. */
export class ProjectionRunner {
  readonly #settings: RunnerSettings
  readonly #wake: Wake
  readonly #lease: HeldLease
  readonly #upkeep: Upkeep
  readonly #ending = new AbortController()
  readonly #tracks = new Map<number, Track>()
  readonly #logger: NonNullable<ProjectionOptions['logger']>
  readonly #stopListening: () => void
  readonly #done: Promise<void>
  /** Of the lease that the tracks were made under. */
  #token = 0
  /** The generation beside the live one that an event has stopped. */
  #stuck: number | undefined
  #state: ProjectionState = 'waiting'
  #reason: string | undefined

  constructor(settings: RunnerSettings) {
    const { options, projection, records } = settings
    const { store, clock, leaseMs, name } = projection
    this.#settings = settings
    this.#logger = options.logger ?? consoleLogger
    this.#wake = new Wake(clock)
    this.#upkeep = new Upkeep(projection, options, records)
    this.#lease = new HeldLease({ leases: store.leases, name: `projection:${name}`, owner: randomUUID(), durationMs: leaseMs, clock })
    this.#stopListening = store.onAppended(() => this.#wake.call())
    this.#done = this.#run()
  }

  get state(): ProjectionState {
    return this.#state
  }

  /** Why it stopped. */
  get reason(): string | undefined {
    return this.#reason
  }

  wake(): void {
    this.#wake.call()
  }

  /** After the event at hand. */
  async end(): Promise<void> {
    this.#ending.abort(new Error('The projection is closing.'))
    this.#wake.call()
    await this.#done
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending
    let failures = 0
    while (!signal.aborted && !this.#stopped) {
      this.#wake.reset()
      let waitMs: number = this.#settings.projection.pollMs
      try {
        if (await this.#mayWork()) waitMs = 0
        failures = 0
      } catch (thrown) {
        if (signal.aborted) break
        failures++
        this.#failed(toError(thrown), failures)
        waitMs = Math.min(waitMs, shortestRetryMs * 2 ** Math.min(failures, 10))
      }
      if (waitMs > 0 && !this.#stopped) await this.#wake.wait(waitMs)
    }
    this.#stopListening()
    await this.#release()
  }

  /** Whether something was done, so that there may be more. */
  async #mayWork(): Promise<boolean> {
    if (!(await this.#lease.hold())) {
      this.#state = 'waiting'
      return false
    }
    if (this.#token !== this.#lease.token) {
      // Another process may have been at it meanwhile.
      this.#tracks.clear()
      this.#token = this.#lease.token
    }
    const { records, projection } = this.#settings
    const record = await records.load(projection.store.checkpoints)
    this.#state = record.paused === true ? 'paused' : 'running'
    if (record.paused === true) return false
    return (await this.#maintained(record)) || (await this.#turns(record))
  }

  async #maintained({ resetting, retired }: ProjectionRecord): Promise<boolean> {
    if (resetting !== undefined) {
      this.#tracks.delete(resetting)
      await this.#upkeep.reset(resetting, this.#lease.lost)
      return true
    }
    const { clock, keepReplacedMs } = this.#settings.projection
    const over = retired?.find(({ at }) => clock.now() >= at + keepReplacedMs)
    if (over === undefined) return false
    this.#tracks.delete(over.generation)
    await this.#upkeep.remove(over.generation, this.#lease.lost)
    return true
  }

  async #turns({ live, next, poison }: ProjectionRecord): Promise<boolean> {
    const turn = await (await this.#track(live)).turn(poison)
    if (turn === 'stopped') {
      this.#stop(await this.#reasonOf(live))
      return false
    }
    const isStuck = this.#stuck === next && poison?.generation === next && poison?.skip !== true
    if (next === undefined || isStuck) return turn === 'worked'
    this.#stuck = undefined
    const beside = await (await this.#track(next)).turn(poison)
    if (beside === 'stopped') this.#stuck = next
    if (beside === 'caught-up') await this.#switch(live, next)
    return turn === 'worked' || beside !== 'stopped'
  }

  /** From now on the new generation is read from; what it replaces is removed later. */
  async #switch(live: number, next: number): Promise<void> {
    const { records, projection } = this.#settings
    await records.change(projection.store.checkpoints, (record) => {
      if (record.next !== next || record.live !== live || record.resetting !== undefined) return record
      const retired = [...(record.retired ?? []), { generation: live, at: projection.clock.now() }]
      return { ...record, live: next, next: undefined, retired }
    })
  }

  async #track(generation: number): Promise<Track> {
    const known = this.#tracks.get(generation)
    if (known !== undefined) return known
    await this.#upkeep.setUp(generation, this.#lease.lost)
    const { projection, handlers, records, retry, options } = this.#settings
    const track = new Track({
      projection,
      generation,
      handlers,
      records,
      retry,
      stored: storedEventsOf(projection.store),
      lease: this.#lease,
      onPoison: options.onPoison ?? 'stop',
      tellPoison: (poison, skipped) => this.#tellPoison(poison, skipped),
      ending: this.#ending.signal,
    })
    this.#tracks.set(generation, track)
    return track
  }

  #tellPoison(poison: PoisonEvent, skipped: boolean): void {
    const { name } = this.#settings.projection
    const what = skipped ? 'was skipped' : 'stopped it'
    const next = skipped ? '' : ' Correct the handler and call resume(), or resume({ skip: true }) to go on without it.'
    this.#logger.error(
      `Projection "${name}": event ${poison.eventId} (${poison.type}, version ${poison.version} of "${poison.stream}") ${what} after ${poison.attempts} attempts: ${poison.error}${next}`,
    )
    this.#settings.options.onPoisonEvent?.(poison)
  }

  async #reasonOf(generation: number): Promise<string> {
    const { poison } = await this.#settings.records.load(this.#settings.projection.store.checkpoints)
    return poison?.generation === generation ? `event ${poison.eventId} can't be handled: ${poison.error}` : "an event can't be handled"
  }

  /** What will not get better by waiting stops it; a server that is down does not. */
  #failed(error: Error, failures: number): void {
    const { projection, retry } = this.#settings
    const own = isInterlineError(error)
    if (own ? !error.retryable : failures >= retry.maxAttempts) {
      this.#stop(error.message)
      this.#logger.error(
        `Projection "${projection.name}" stopped: ${error.message} When that is put right, call resume(), or reset() to begin anew.`,
      )
    } else if (failures === 1 || failures % 100 === 0) {
      this.#logger.warn(`Projection "${projection.name}" was interrupted, and goes on from its checkpoint: ${error.message}`)
    }
  }

  get #stopped(): boolean {
    return this.#state === 'stopped'
  }

  #stop(reason: string): void {
    this.#state = 'stopped'
    this.#reason = reason
  }

  async #release(): Promise<void> {
    try {
      await this.#lease.release()
    } catch (thrown) {
      this.#logger.warn(`Projection "${this.#settings.projection.name}" could not give its lease back; it ends by itself.`, {
        error: toError(thrown).message,
      })
    }
  }
}
