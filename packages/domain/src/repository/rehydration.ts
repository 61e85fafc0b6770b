import { type Abortable, type IEventStore, type IStoredEvents, type RecordedEvent, storedEventsOf } from '@interline/core'
import type { EventSourcedAggregate } from '../aggregate/event-sourced-aggregate.js'
import { streamOfAggregate, trackingOf } from '../aggregate/tracking.js'
import { IncompleteStreamError } from '../errors.js'
import type { Snapshot, SnapshotService } from '../snapshot/snapshot-service.js'
import type { AggregateFactory } from './aggregate-source.js'

/** Up to which version, or up to which time by the store's clock; both included. Without either: as it is now. */
export interface AsOf extends Abortable {
  readonly version?: number | undefined
  readonly at?: Date | undefined
}

export interface Rehydrated<Aggregate> {
  readonly aggregate: Aggregate
  /** The id of its newest event; `undefined` where it has none. */
  readonly eventId: string | undefined
  /** How many events had to be applied. */
  readonly applied: number
}

export interface RehydrationSettings<Aggregate> {
  readonly store: IEventStore
  readonly factory: AggregateFactory<Aggregate>
  readonly snapshots: SnapshotService | undefined
  /** Whether a stream may begin after version 1. */
  readonly acceptsIncomplete: boolean
}

const pageSize = 500

type Events = EventSourcedAggregate<object>

/** Makes aggregates of what is stored: of a snapshot and the events after it, or of all events. */
export class Rehydration<Aggregate extends Events> {
  readonly #settings: RehydrationSettings<Aggregate>
  readonly #events: IStoredEvents

  constructor(settings: RehydrationSettings<Aggregate>) {
    this.#settings = settings
    this.#events = storedEventsOf(settings.store)
  }

  async of(id: string, asOf: AsOf = {}): Promise<Rehydrated<Aggregate>> {
    let upTo = asOf.version
    for (;;) {
      const snapshot = await this.#snapshot(id, upTo, asOf)
      const made = await this.#make(id, snapshot, asOf)
      if (typeof made === 'object') return made
      upTo = made
    }
  }

  async #snapshot(id: string, upTo: number | undefined, { signal }: AsOf): Promise<Snapshot | undefined> {
    const { factory, snapshots } = this.#settings
    if (snapshots === undefined || (upTo !== undefined && upTo < 1)) return undefined
    const { snapshotVersion: schemaVersion } = factory.create(id)
    return snapshots.find(streamOfAggregate(factory.type, id), { schemaVersion, upTo, signal })
  }

  /** Where the snapshot is of no use: the version up to which another one may be. */
  async #make(id: string, snapshot: Snapshot | undefined, { version, at, signal }: AsOf): Promise<Rehydrated<Aggregate> | number> {
    const { factory, store, snapshots, acceptsIncomplete } = this.#settings
    const stream = streamOfAggregate(factory.type, id)
    const aggregate = factory.create(id)
    if (snapshot !== undefined && !this.#restored(aggregate, snapshot, stream)) return snapshot.version - 1
    const latest = at?.getTime() ?? Number.POSITIVE_INFINITY
    const page: object[] = []
    let last = snapshot?.version ?? 0
    let eventId = snapshot?.eventId
    let applied = 0
    let anchored = snapshot === undefined
    for await (const recorded of store.readStream(stream, { from: Math.max(1, last), to: version, signal })) {
      if (!anchored) {
        // Where retention may have removed it, the one after it will do.
        if (!isAnchor(recorded, snapshot) && !(acceptsIncomplete && recorded.version === last + 1)) break
        if (recorded.recordedAt > latest) return last - 1
        anchored = true
        if (recorded.version === last) continue
      }
      if (recorded.recordedAt > latest) break
      if (recorded.version !== last + 1 && !(last === 0 && acceptsIncomplete)) {
        throw new IncompleteStreamError(stream, last + 1, recorded.version)
      }
      last = recorded.version
      eventId = recorded.message.attributes.id
      applied++
      const event = this.#events.eventOf(recorded)
      page.push(event instanceof Promise ? await event : event)
      if (page.length >= pageSize) aggregate.loadFromHistory(page.splice(0))
    }
    if (!anchored) {
      snapshots?.problem('stale', stream, snapshot?.version, 'Its stream was deleted, or begun anew. The events are read instead.')
      return 0
    }
    aggregate.loadFromHistory(page)
    return { aggregate, eventId, applied }
  }

  #restored(aggregate: Aggregate, { state, version }: Snapshot, stream: string): boolean {
    try {
      aggregate.fromSnapshot?.(state)
      trackingOf(aggregate).committed = version
      return true
    } catch (thrown) {
      this.#settings.snapshots?.problem('damaged', stream, version, 'An older one, or the events, are read instead.', thrown)
      return false
    }
  }
}

/** Whether the event is the one that the snapshot was taken after. */
function isAnchor({ version, message }: RecordedEvent, snapshot: Snapshot | undefined): boolean {
  return version === snapshot?.version && message.attributes.id === snapshot.eventId
}
