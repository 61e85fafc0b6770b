import { type AnyEvent, ConfigurationError, type IEventStore, recordOf } from '@interline/core'
import { AggregateRoot } from './aggregate-root.js'
import { saveChanges } from './save-changes.js'
import { trackingOf } from './tracking.js'

/** An aggregate whose state is what its events make of it: `apply` is the only place that changes it. */
export abstract class EventSourcedAggregate<Event extends object = AnyEvent> extends AggregateRoot<Event> {
  /** Which form `toSnapshot` gives. Raised whenever it changes: snapshots of another form are not used. */
  static readonly snapshotVersion: number = 1

  /** The static field of its class. */
  get snapshotVersion(): number {
    return (this.constructor as typeof EventSourcedAggregate).snapshotVersion
  }

  /** Of its newest event, stored or not; 0 where there is none. */
  get version(): number {
    const { committed, changes } = trackingOf(this)
    return committed + changes.length
  }

  /** The version that is stored, and that a save expects. */
  get committedVersion(): number {
    return trackingOf(this).committed
  }

  /** Changes the state, and nothing else: it is called again for every event whenever the aggregate is loaded. */
  abstract apply(event: Event): void

  /** The state as plain JSON. Where it is there, so must be `fromSnapshot`; without them an aggregate has no snapshots. */
  toSnapshot?(): unknown

  /** Takes on a state that `toSnapshot` gave, in place of the events that made it. */
  fromSnapshot?(state: unknown): void

  /** Applies what was stored, in order. The version becomes that of the last event where it was read from a store, else counts on. */
  loadFromHistory(events: readonly Event[]): void {
    const tracking = trackingOf(this)
    for (const event of events) {
      const version = recordOf(event)?.version ?? tracking.committed + 1
      this.#apply(event)
      tracking.committed = version
    }
  }

  /** Stores what was added: where it was loaded from, or in the store that is given. Rejects with WrongExpectedVersionError where another was first. */
  async commit(store?: IEventStore): Promise<void> {
    if (store !== undefined) {
      await saveChanges(store, this)
      return
    }
    const { commit } = trackingOf(this)
    if (commit === undefined) {
      throw new ConfigurationError(
        `${this.constructor.name} "${this.id}" did not come from a repository. Save it by one, or say where: commit(store).`,
      )
    }
    await commit()
  }

  /** Applies an event and keeps it to be stored. Where `apply` throws, nothing has happened. */
  protected addEvent(event: Event): void {
    this.#apply(event)
    super.registerEvent(event)
  }

  /** The same under the name that it has in every aggregate. */
  protected override registerEvent(event: Event): void {
    this.addEvent(event)
  }

  #apply(event: Event): void {
    const result: unknown = this.apply(event)
    if (typeof (result as { readonly then?: unknown } | undefined)?.then === 'function') {
      throw new ConfigurationError(`${this.constructor.name}.apply gave a promise. It may only change the state: do the rest elsewhere.`)
    }
  }
}
