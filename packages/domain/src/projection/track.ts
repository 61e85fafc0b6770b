import {
  ConnectionError,
  type HeldLease,
  type IEventStore,
  type IStoredEvents,
  type Position,
  type RecordedEvent,
  type RetryPolicy,
  type StoreTransaction,
} from '@interline/core'
import { pause } from '../pause.js'
import { type FailedEvent, placeOf, type RanEvents, runEvents } from './event-runner.js'
import type { HandlerList } from './handler-list.js'
import type { ProjectionOptions } from './projection-options.js'
import type { PoisonEvent, ProjectionRecords } from './projection-record.js'
import type { ResolvedProjection } from './resolved-projection.js'

export interface TrackSettings {
  readonly projection: ResolvedProjection
  readonly generation: number
  readonly handlers: HandlerList
  readonly stored: IStoredEvents
  readonly records: ProjectionRecords
  readonly lease: HeldLease
  readonly retry: RetryPolicy
  readonly onPoison: NonNullable<ProjectionOptions['onPoison']>
  readonly tellPoison: (poison: PoisonEvent, skipped: boolean) => void
  /** Aborted when the runner is to end. */
  readonly ending: AbortSignal
}

/** `worked`: there may be more; `caught-up`: there was nothing more; `stopped`: by an event. */
export type Turn = 'worked' | 'caught-up' | 'stopped'

/** One generation of a projection, as the process that runs it sees it. */
export class Track {
  readonly generation: number
  readonly #settings: TrackSettings
  readonly #store: IEventStore
  readonly #checkpoint: string
  /** Where it is, as far as this process knows. */
  #position: Position | undefined
  #known = false
  /** After a failure events are handled one by one, up to and with the one that failed. */
  #carefulUntil: Position | undefined
  /** The event that stopped it last, in whichever process. */
  #poison: PoisonEvent | undefined
  #failing: { readonly eventId: string; readonly attempts: number } | undefined

  constructor(settings: TrackSettings) {
    this.#settings = settings
    this.generation = settings.generation
    this.#store = settings.projection.store
    this.#checkpoint = settings.projection.checkpointOf(settings.generation)
  }

  /** Handles the next events. Rejects where the store can't be reached, or another process has taken over; the next turn then begins at the checkpoint. */
  async turn(poison: PoisonEvent | undefined): Promise<Turn> {
    this.#poison = poison?.generation === this.generation ? poison : undefined
    try {
      return await this.#turn()
    } catch (thrown) {
      this.#known = false
      throw thrown
    }
  }

  async #turn(): Promise<Turn> {
    if (!this.#known) {
      this.#position = await this.#store.checkpoints.load(this.#checkpoint)
      this.#known = true
    }
    const page = await this.#page()
    if (page.length === 0) return this.#passRest()
    const { done, failed } = this.#settings.projection.transactional ? await this.#together(page) : await this.#oneByOne(page)
    if (done > 0) await this.#passed(page.slice(0, done))
    if (failed !== undefined) return this.#failed(failed, page.length > 1 && this.#settings.projection.transactional)
    return 'worked'
  }

  async #page(): Promise<readonly RecordedEvent[]> {
    const { projection, handlers, ending } = this.#settings
    const limit = this.#carefulUntil === undefined ? projection.batchSize : 1
    const page: RecordedEvent[] = []
    const options = { after: this.#position, limit, types: handlers.types, signal: ending }
    for await (const recorded of this.#store.readAll(options)) page.push(recorded)
    return page
  }

  /** What is not for this projection is passed, so that nothing is kept for it, and it is not read again. */
  async #passRest(): Promise<Turn> {
    const head = await this.#store.head()
    if (head === this.#position) return 'caught-up'
    // What came before the head was asked for is seen now.
    if ((await this.#page()).length > 0) return 'worked'
    await this.#save(head)
    return 'caught-up'
  }

  /** Everything and the checkpoint, or nothing. */
  async #together(page: readonly RecordedEvent[]): Promise<RanEvents> {
    let ran: RanEvents = { done: 0, failed: undefined }
    const undone = new Error('An event failed.')
    try {
      await this.#store.checkpoints.transaction?.(async (transaction) => {
        ran = await this.#run(page, transaction)
        if (ran.failed !== undefined) throw undone
        const last = page[ran.done - 1]
        if (last === undefined) return
        if (!(await transaction.checkpoints.save(this.#checkpoint, last.position, this.#position))) throw takenOver()
        this.#settings.lease.lost.throwIfAborted()
      })
    } catch (thrown) {
      if (thrown !== undone) throw thrown
      return { done: 0, failed: ran.failed }
    }
    this.#position = page[ran.done - 1]?.position ?? this.#position
    return ran
  }

  async #oneByOne(page: readonly RecordedEvent[]): Promise<RanEvents> {
    const ran = await this.#run(page, undefined)
    const last = page[ran.done - 1]
    if (last !== undefined) await this.#save(last.position)
    return ran
  }

  #run(page: readonly RecordedEvent[], transaction: StoreTransaction | undefined): Promise<RanEvents> {
    const { projection, handlers, stored, lease, ending } = this.#settings
    const place = placeOf(projection.targetOf(this.generation), this.generation, lease.lost, transaction)
    return runEvents(page, handlers, stored, { place, token: lease.token, replayed: false, ending })
  }

  async #save(position: Position): Promise<void> {
    if (!(await this.#store.checkpoints.save(this.#checkpoint, position, this.#position))) throw takenOver()
    this.#position = position
  }

  /** They are handled, or skipped. */
  async #passed(events: readonly RecordedEvent[]): Promise<void> {
    if (events.some(({ position }) => position === this.#carefulUntil)) this.#carefulUntil = undefined
    const ids = events.map(({ message }) => message.attributes.id)
    if (this.#failing !== undefined && ids.includes(this.#failing.eventId)) this.#failing = undefined
    const known = this.#poison?.eventId
    if (known === undefined || !ids.includes(known)) return
    this.#poison = undefined
    await this.#settings.records.change(this.#store.checkpoints, (record) =>
      record.poison?.eventId === known ? { ...record, poison: undefined } : record,
    )
  }

  async #failed({ recorded, error, unreadable }: FailedEvent, among: boolean): Promise<Turn> {
    const { records, retry, onPoison, ending, tellPoison, projection } = this.#settings
    if (among) {
      this.#carefulUntil = recorded.position
      return 'worked'
    }
    const eventId = recorded.message.attributes.id ?? ''
    const attempts = (this.#failing?.eventId === eventId ? this.#failing.attempts : 0) + 1
    this.#failing = { eventId, attempts }
    const isSkipped = this.#poison?.skip === true && this.#poison.eventId === eventId
    if (!isSkipped && !unreadable && attempts < retry.maxAttempts) {
      await pause(projection.clock, retry.delayAfter(attempts), ending)
      return 'worked'
    }
    const poison = this.#poisonOf(recorded, error, attempts)
    if (isSkipped || onPoison === 'skip') {
      await this.#save(recorded.position)
      await this.#passed([recorded])
      tellPoison(poison, true)
      return 'worked'
    }
    await records.change(this.#store.checkpoints, (record) => ({ ...record, poison }))
    this.#failing = { eventId, attempts: 0 }
    tellPoison(poison, false)
    return 'stopped'
  }

  #poisonOf({ stream, version, position, message }: RecordedEvent, error: Error, attempts: number): PoisonEvent {
    const { id = '', type = '' } = message.attributes
    const at = this.#settings.projection.clock.now()
    return { generation: this.generation, eventId: id, type, stream, version, position, error: error.message, attempts, at }
  }
}

function takenOver(): Error {
  return new ConnectionError('Another process has taken this projection over. Going on from the checkpoint when it is free.')
}
