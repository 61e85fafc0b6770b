import {
  type Abortable,
  type AppendOptions,
  type Awaitable,
  ConfigurationError,
  type IClock,
  type IEventStore,
  isInterlineError,
  type RetryOptions,
  RetryPolicy,
  systemClock,
} from '@interline/core'
import type { EventSourcedAggregate } from '../aggregate/event-sourced-aggregate.js'
import { saveChanges } from '../aggregate/save-changes.js'
import { streamOfAggregate, trackingOf } from '../aggregate/tracking.js'
import { AggregateNotFoundError } from '../errors.js'
import { pause } from '../pause.js'
import type { SnapshotService } from '../snapshot/snapshot-service.js'
import { type AggregateFactory, type AggregateSource, factoryOf, takesSnapshots } from './aggregate-source.js'
import { type AsOf, Rehydration } from './rehydration.js'

export interface RepositoryOptions {
  readonly store: IEventStore
  /** Without it every load reads all events of its stream. */
  readonly snapshots?: SnapshotService | undefined
  /** How often `update` runs at most where others were first, and how long it waits in between. Default: 10 times, 10 to 500 ms. */
  readonly retry?: RetryOptions | undefined
  /**
   * Streams whose first events are gone, by the store's retention: `refuse` (default) to make a state of the rest, or `accept` it, and
   * also a snapshot of which only the events after it are left.
   */
  readonly incomplete?: 'refuse' | 'accept' | undefined
  readonly clock?: IClock | undefined
}

const conflictRetries: RetryOptions = { maxAttempts: 10, backoff: { type: 'exponential', delayMs: 10, maxDelayMs: 500, jitter: 1 } }

/**
 * Aggregates of one type in an event store. A save appends where nobody else has appended since the load; that is the commit, and a bus
 * with this store forwards what was saved: nothing is to be published again.
 */
export class Repository<Aggregate extends EventSourcedAggregate<object>> {
  readonly #store: IEventStore
  readonly #factory: AggregateFactory<Aggregate>
  readonly #snapshots: SnapshotService | undefined
  readonly #retry: RetryPolicy
  readonly #clock: IClock
  #checked = false
  readonly #rehydration: Rehydration<Aggregate>

  constructor(source: AggregateSource<Aggregate>, options: RepositoryOptions) {
    const { store, snapshots, retry, incomplete = 'refuse', clock = systemClock } = options
    if (incomplete !== 'refuse' && incomplete !== 'accept') {
      throw new ConfigurationError(`incomplete is ${JSON.stringify(incomplete)}; give 'refuse' or 'accept'.`)
    }
    this.#store = store
    this.#factory = factoryOf(source)
    this.#retry = new RetryPolicy(retry, conflictRetries)
    this.#clock = clock
    this.#snapshots = snapshots
    this.#rehydration = new Rehydration({
      store,
      factory: this.#factory,
      snapshots,
      acceptsIncomplete: incomplete === 'accept',
    })
  }

  get aggregateType(): string {
    return this.#factory.type
  }

  /** Where its events are. */
  streamOf(id: string): string {
    return streamOfAggregate(this.#factory.type, id)
  }

  /** A new one that is stored nowhere yet. A save is refused where another of this id was stored meanwhile. */
  create(id: string): Aggregate {
    return this.#bound(this.#factory.create(id))
  }

  /** As it is now, or as it was at a version or a time. Rejects with AggregateNotFoundError where nothing is stored of it. */
  async load(id: string, asOf?: AsOf): Promise<Aggregate> {
    const found = await this.find(id, asOf)
    if (found === undefined) throw new AggregateNotFoundError(this.#factory.type, id)
    return found
  }

  /** The same, and `undefined` where there is none. */
  async find(id: string, asOf: AsOf = {}): Promise<Aggregate | undefined> {
    this.#checkSnapshots(id)
    const { aggregate, eventId, applied } = await this.#rehydration.of(id, checkAsOf(asOf))
    if (eventId === undefined) return undefined
    // Snapshots that were missing, or of no use, are made anew by the first who notices.
    const isNow = asOf.version === undefined && asOf.at === undefined
    if (isNow && applied >= (this.#snapshots?.intervalVersions ?? Number.POSITIVE_INFINITY)) await this.#take(aggregate, eventId, asOf)
    return this.#bound(aggregate)
  }

  /** Stores what was added to it. Rejects with WrongExpectedVersionError, and stores nothing, where another was first. */
  async save(aggregate: Aggregate, options: Abortable = {}): Promise<void> {
    if (aggregate.aggregateType !== this.#factory.type) {
      throw new ConfigurationError(
        `A repository of "${this.#factory.type}" can't save the ${aggregate.aggregateType} "${aggregate.id}". Use its own.`,
      )
    }
    const before = aggregate.committedVersion
    const saved = await saveChanges(this.#store, aggregate, options)
    if (saved !== undefined && this.#snapshots?.due(before, saved.version) === true) await this.#takeAt(aggregate, saved.version, options)
  }

  /**
   * Loads, changes and saves: a new aggregate where there is none. Where another was first, all of it is done again on what is there now,
   * so `change` may run several times and should do nothing else. Gives what its last run gave.
   */
  async update<Result>(id: string, change: (aggregate: Aggregate) => Awaitable<Result>, options: Abortable = {}): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      const aggregate = (await this.find(id, options)) ?? this.create(id)
      const result = await change(aggregate)
      try {
        await this.save(aggregate, options)
        return result
      } catch (thrown) {
        if (!isConflict(thrown) || attempt >= this.#retry.maxAttempts) throw thrown
        await pause(this.#clock, this.#retry.delayAfter(attempt), options.signal)
      }
    }
  }

  /** Deletes its events and its snapshots. Answers whether there were any. */
  async delete(id: string, options: Pick<AppendOptions, 'expectedVersion' | 'signal'> = {}): Promise<boolean> {
    const stream = this.streamOf(id)
    const deleted = await this.#store.deleteStream(stream, options)
    // Also where an earlier try got no further than the events.
    await this.#snapshots?.removeAll(stream, { signal: options.signal })
    return deleted
  }

  #bound(aggregate: Aggregate): Aggregate {
    trackingOf(aggregate).commit = () => this.save(aggregate)
    return aggregate
  }

  async #takeAt(aggregate: Aggregate, version: number, { signal }: Abortable): Promise<void> {
    const stream = this.streamOf(aggregate.id)
    try {
      for await (const { message } of this.#store.readStream(stream, { from: version, to: version, signal })) {
        await this.#take(aggregate, message.attributes.id ?? '', { signal })
      }
    } catch (thrown) {
      // The events are stored, and that is what was asked for.
      this.#snapshots?.problem('unreachable', stream, version, 'It was not taken; the next one will be.', thrown)
    }
  }

  /** Not of an aggregate that has changes which are not stored: the next save takes one. */
  async #take(aggregate: Aggregate, eventId: string, { signal }: Abortable): Promise<void> {
    if (aggregate.changes.length > 0) return
    const { committedVersion: version, snapshotVersion: schemaVersion } = aggregate
    const place = { version, eventId, schemaVersion, signal }
    await this.#snapshots?.take(this.streamOf(aggregate.id), place, () => aggregate.toSnapshot?.())
  }

  #checkSnapshots(id: string): void {
    if (this.#checked) return
    this.#checked = true
    if (this.#snapshots === undefined || takesSnapshots(this.#factory.create(id))) return
    throw new ConfigurationError(
      `A repository of "${this.#factory.type}" with snapshots needs toSnapshot() and fromSnapshot(state) on it. Write them, or leave snapshots out.`,
    )
  }
}

function isConflict(thrown: unknown): boolean {
  return isInterlineError(thrown) && thrown.code === 'INTERLINE_WRONG_EXPECTED_VERSION'
}

function checkAsOf(asOf: AsOf): AsOf {
  const { version, at } = asOf
  if (version !== undefined && (!Number.isSafeInteger(version) || version < 1)) {
    throw new ConfigurationError(`version is ${version}; give a whole number from 1.`)
  }
  if (at !== undefined && !(at instanceof Date && !Number.isNaN(at.getTime()))) throw new ConfigurationError('at is no valid Date.')
  return asOf
}
