import { toError } from '../errors.js'
import type { Abortable, CloseOptions } from '../ports/abortable.js'
import type { ICheckpointStore } from '../ports/checkpoint-store.js'
import type {
  AppendOptions,
  AppendResult,
  IEventStore,
  Position,
  ReadAllOptions,
  ReadStreamOptions,
  RecordedEvent,
  StoreCapabilities,
} from '../ports/event-store.js'
import type { ComponentHealth } from '../ports/health.js'
import type { ILeaseStore } from '../ports/lease-store.js'
import type { WireMessage } from '../ports/message.js'
import { CallsUnderWay } from './calls-under-way.js'
import { checkAppend } from './checks.js'
import { EventStoreBase } from './event-store-base.js'
import type { Retention } from './retention.js'
import type { RemovedEvents } from './retention-options.js'

/**
 * The port's verbs over one server, and no more: what they share is the managed store's. `append` and `deleteStream` get what was checked,
 * and `close` comes once, when no call is under way.
 */
export interface StoreEngine extends Omit<IEventStore, 'name' | 'onAppended'> {
  /** Where it gives up old events; started by the engine once it is connected. */
  readonly retention?: Retention | undefined
  readonly hints?: StoreHints | undefined
}

/** How processes tell each other that something was appended. */
export interface StoreHints {
  /** Something was appended here. Throws nothing, and holds nothing up. */
  tell(): void
  /** Begins to hear, once. */
  listen(heard: () => void): void
  stop(): Promise<void>
}

const closeTimeoutMs = 5_000

/** An event store on a server: connected when first used, closed once, with what is under way finished. */
export abstract class ManagedEventStore extends EventStoreBase {
  readonly #engine: StoreEngine
  readonly #calls = new CallsUnderWay()
  #closing: Promise<void> | undefined

  constructor(engine: StoreEngine) {
    super()
    this.#engine = engine
  }

  get capabilities(): StoreCapabilities {
    return this.#engine.capabilities
  }

  get checkpoints(): ICheckpointStore {
    return this.#engine.checkpoints
  }

  get leases(): ILeaseStore {
    return this.#engine.leases
  }

  async connect(options?: Abortable): Promise<void> {
    await this.#engine.connect(options)
  }

  async append(stream: string, events: readonly WireMessage[], options: AppendOptions = {}): Promise<AppendResult> {
    checkAppend(stream, events, options)
    const result = await this.#calls.run(async () => this.#engine.append(stream, events, options))
    this.#tell()
    return result
  }

  readStream(stream: string, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    return this.#engine.readStream(stream, options)
  }

  readAll(options: ReadAllOptions = {}): AsyncIterable<RecordedEvent> {
    return this.#engine.readAll(options)
  }

  async head(options: Abortable = {}): Promise<Position> {
    return this.#engine.head(options)
  }

  async countAfter(position: Position | undefined, options: Abortable = {}): Promise<number> {
    return this.#engine.countAfter(position, options)
  }

  /** Its name can be used again: versions go on after the deleted ones, and begin at 1 only for `expectedVersion: 0`. */
  async deleteStream(stream: string, options: AppendOptions = {}): Promise<boolean> {
    checkAppend(stream, [], options)
    const deleted = await this.#calls.run(async () => this.#engine.deleteStream(stream, options))
    if (deleted) this.#tell()
    return deleted
  }

  /** Also hears of what other processes append, where the store has hints. */
  override onAppended(callback: () => void): () => void {
    this.#engine.hints?.listen(() => this.appended())
    return super.onAppended(callback)
  }

  /** Removes now what the options no longer keep; otherwise that is done from time to time. */
  async applyRetention(): Promise<RemovedEvents> {
    return (await this.#engine.retention?.apply()) ?? { events: 0, streams: 0 }
  }

  async health(options: Abortable = {}): Promise<ComponentHealth> {
    try {
      const health = await this.#engine.health(options)
      const output = this.#engine.retention?.warning
      return health.status !== 'pass' || output === undefined ? health : { ...health, status: 'warn', output }
    } catch (error) {
      return { status: 'fail', output: toError(error).message }
    }
  }

  /** What is under way may finish; what comes now is refused. */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  async #close({ timeoutMs = closeTimeoutMs, signal }: CloseOptions): Promise<void> {
    await this.#calls.close({ timeoutMs, signal })
    await this.#engine.retention?.stop()
    await this.#engine.hints?.stop()
    await this.#engine.close()
  }

  #tell(): void {
    this.appended()
    this.#engine.hints?.tell()
  }
}
