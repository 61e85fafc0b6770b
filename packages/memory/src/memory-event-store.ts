import { randomUUID } from 'node:crypto'
import {
  type Abortable,
  type AppendOptions,
  type AppendResult,
  type Awaitable,
  ClosedError,
  type ComponentHealth,
  ConfigurationError,
  checkAppend,
  checkReadAll,
  checkReadStream,
  conflict,
  EventStoreBase,
  eventFilter,
  filteredOf,
  type IClock,
  isExpected,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  type StoreCapabilities,
  systemClock,
  tombstone,
  type WireMessage,
  wasExpected,
} from '@interline/core'
import { MemoryCheckpointStore } from './memory-checkpoint-store.js'
import { MemoryLeaseStore } from './memory-lease-store.js'
import { atLeast } from './memory-options.js'
import { MemoryStream } from './memory-stream.js'
import { rejecting } from './rejecting.js'
import { SegmentedLog } from './segmented-log.js'

export interface MemoryEventStoreOptions {
  /** Retention by age: older events are dropped. Without it none are. */
  readonly ttlMs?: number | undefined
  /** Retention by count over all streams: the oldest beyond it are dropped. Without it none are. */
  readonly maxEvents?: number | undefined
  /** Events that a reader with a checkpoint in this store has not passed: `keep` them (default) until it has, or `remove` them too. */
  readonly unread?: 'keep' | 'remove' | undefined
  readonly clock?: IClock | undefined
}

/** Streams of events in this process. A read sees what was there when it began. */
export class MemoryEventStore extends EventStoreBase {
  readonly name = 'memory'
  readonly capabilities: StoreCapabilities = {
    durable: false,
    scope: `memory:${randomUUID()}`,
    concurrentTransactions: false,
    durability: 'Events are gone with the process.',
  }
  readonly checkpoints: MemoryCheckpointStore = new MemoryCheckpointStore()
  readonly leases: MemoryLeaseStore
  readonly #clock: IClock
  readonly #ttlMs: number
  readonly #maxEvents: number
  readonly #keepsUnread: boolean
  readonly #streams = new Map<string, MemoryStream>()
  /** All streams in one order; an event's position is one more than its place here. A deleted event leaves a hole. */
  readonly #all = new SegmentedLog<RecordedEvent>()
  #count = 0
  #telling = false
  #closed = false

  constructor({ ttlMs, maxEvents, unread = 'keep', clock = systemClock }: MemoryEventStoreOptions = {}) {
    super()
    this.#clock = clock
    this.leases = new MemoryLeaseStore({ clock })
    this.#ttlMs = ttlMs === undefined ? Number.POSITIVE_INFINITY : atLeast(1, 'ttlMs', ttlMs)
    this.#keepsUnread = unread === 'keep'
    this.#maxEvents = maxEvents === undefined ? Number.POSITIVE_INFINITY : atLeast(1, 'maxEvents', maxEvents)
  }

  connect(): void {}

  append(stream: string, events: readonly WireMessage[], options: AppendOptions = {}): Awaitable<AppendResult> {
    return rejecting(() => {
      this.#admit(options)
      checkAppend(stream, events, options)
      return this.#append(stream, events, options)
    })
  }

  async *readStream(stream: string, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    this.#admit(options)
    checkReadStream(stream, options)
    const { from = 1, to = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY, backwards = false, signal } = options
    this.#retain()
    const found = this.#streams.get(stream)
    if (found === undefined) return
    const first = Math.max(from, found.firstVersion)
    const last = Math.min(to, found.version)
    let left = limit
    for (let version = backwards ? last : first; left > 0 && version >= first && version <= last; version += backwards ? -1 : 1) {
      signal?.throwIfAborted()
      const event = found.at(version)
      if (event === undefined) continue
      left--
      yield event
    }
  }

  async *readAll(options: ReadAllOptions = {}): AsyncIterable<RecordedEvent> {
    this.#admit(options)
    checkReadAll(options)
    const wanted = eventFilter(options)
    const after = options.after === undefined ? 0 : this.#indexAfter(options.after)
    this.#retain()
    let left = options.limit ?? Number.POSITIVE_INFINITY
    const { head } = this.#all
    for (let index = Math.max(after, this.#all.start); index < head && left > 0; index++) {
      options.signal?.throwIfAborted()
      const event = this.#all.at(index)
      if (event === undefined || !wanted(filteredOf(event.message.attributes, event.recordedAt))) continue
      left--
      yield event
    }
  }

  head(): Position {
    return String(this.#all.head)
  }

  countAfter(position?: Position): number {
    return this.#all.head - (position === undefined ? 0 : this.#indexAfter(position))
  }

  /** Its name can be used again: versions go on after the deleted ones, and begin at 1 only for `expectedVersion: 0`. */
  deleteStream(stream: string, options: AppendOptions = {}): Awaitable<boolean> {
    return rejecting(() => {
      this.#admit(options)
      checkAppend(stream, [], options)
      return this.#deleteStream(stream, options)
    })
  }

  health(): ComponentHealth {
    if (this.#closed) return { status: 'fail', output: 'The event store is closed.' }
    return { status: 'pass', observedValue: this.#count, observedUnit: 'events' }
  }

  close(): void {
    this.#closed = true
  }

  #admit({ signal }: Abortable): void {
    signal?.throwIfAborted()
    if (this.#closed) throw new ClosedError('The event store is closed. Make a new one.')
  }

  #append(
    name: string,
    messages: readonly WireMessage[],
    { expectedVersion: expected = 'any', forward = true }: AppendOptions,
  ): AppendResult {
    let stream = this.#streams.get(name) ?? new MemoryStream(0, false)
    const recorded = stream.find(messages)
    const [first] = recorded ?? []
    if (recorded !== undefined && first !== undefined && wasExpected(expected, first.version, stream)) return resultOf(recorded)
    if (!isExpected(expected, stream)) throw conflict(name, expected, stream)
    if (messages.length === 0) return { version: stream.version, position: this.head() }
    if (stream.deleted) stream = new MemoryStream(expected === 0 ? 0 : stream.version, false)
    this.#streams.set(name, stream)
    const target = stream
    const appended = messages.map((message) => {
      const event = this.#record(name, target.version + 1, forward, message)
      target.append(event)
      return event
    })
    this.#retain()
    this.#tell()
    return resultOf(appended)
  }

  #deleteStream(name: string, { expectedVersion: expected = 'any' }: AppendOptions): boolean {
    const stream = this.#streams.get(name) ?? new MemoryStream(0, false)
    if (!isExpected(expected, stream)) throw conflict(name, expected, stream)
    if (stream.version === 0 || stream.deleted) return false
    for (let version = stream.firstVersion; version <= stream.version; version++) {
      const event = stream.at(version)
      if (event === undefined) continue
      this.#all.remove(Number(event.position) - 1)
      this.#count--
    }
    this.#streams.set(name, new MemoryStream(stream.version, true))
    this.#record(name, stream.version, false, tombstone(name, stream.version, this.#clock.now()))
    this.#tell()
    return true
  }

  #record(stream: string, version: number, forward: boolean, message: WireMessage): RecordedEvent {
    const event: RecordedEvent = {
      stream,
      version,
      position: String(this.#all.head + 1),
      recordedAt: this.#clock.now(),
      forward,
      message: message.data instanceof Uint8Array ? { ...message, data: message.data.slice() } : message,
    }
    this.#all.append(event)
    this.#count++
    return event
  }

  /** Drops the oldest events that retention does not keep. */
  #retain(): void {
    if (this.#ttlMs === Number.POSITIVE_INFINITY && this.#count <= this.#maxEvents) return
    const oldest = this.#clock.now() - this.#ttlMs
    const end = Math.min(this.#all.head, (this.#keepsUnread ? this.checkpoints.slowest() : undefined) ?? this.#all.head)
    while (this.#all.start < end) {
      const event = this.#all.at(this.#all.start)
      if (event !== undefined) {
        if (this.#count <= this.#maxEvents && event.recordedAt > oldest) return
        const stream = this.#streams.get(event.stream)
        if (stream?.at(event.version) === event) stream.dropFirst()
        this.#count--
      }
      this.#all.dropBefore(this.#all.start + 1)
    }
  }

  /** Once for all that is appended until the caller's own code has come to its end. */
  #tell(): void {
    if (this.#telling) return
    this.#telling = true
    queueMicrotask(() => {
      this.#telling = false
      this.appended()
    })
  }

  #indexAfter(position: Position): number {
    const index = Number(position)
    if (/^\d+$/.test(position) && Number.isSafeInteger(index)) {
      if (index <= this.#all.head) return index
      throw new ConfigurationError(
        `Position ${position} is ahead of the store, whose newest is ${this.#all.head}: it is of another store. Let that reader begin anew.`,
      )
    }
    throw new ConfigurationError(
      `"${position}" is not a position of this store. Use one that it gave, within the scope "${this.capabilities.scope}".`,
    )
  }
}

function resultOf(events: readonly RecordedEvent[]): AppendResult {
  const last = events[events.length - 1] as RecordedEvent
  return { version: last.version, position: last.position }
}
