import {
  type Abortable,
  type AppendOptions,
  type AppendResult,
  ClosedError,
  type CloseOptions,
  type ComponentHealth,
  EventStoreBase,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  type StoreCapabilities,
  toError,
  type WireMessage,
} from '@interline/core'
import { RedisLeaseStore } from '../redis-lease-store.js'
import { pause } from '../waiting.js'
import { Appender } from './appender.js'
import { EventFetcher } from './event-fetcher.js'
import { type RedisEventStoreOptions, type RemovedEvents, resolveEventStoreOptions } from './event-store-options.js'
import { LogReader } from './log-reader.js'
import { Retention } from './retention.js'
import { StoreCheckpoints } from './store-checkpoints.js'
import { StoreKeys } from './store-keys.js'
import { StoreLink } from './store-link.js'
import { readStream } from './stream-reader.js'
import { Traces } from './traces.js'

const closeTimeoutMs = 5_000

/**
 * Events on Redis Streams: each stream with versions, all of them in one order with positions 1, 2, 3 and so on, which a script assigns.
 * All keys of a prefix are in one slot of a cluster, so one shard is the ceiling of a store. What an append survives is decided by the
 * server's own persistence: `capabilities` say it in words once connected.
 */
export class RedisEventStore extends EventStoreBase {
  readonly name = 'redis'
  readonly checkpoints: StoreCheckpoints
  readonly leases: RedisLeaseStore
  readonly #link: StoreLink
  readonly #prefix: string
  readonly #appender: Appender
  readonly #fetcher: EventFetcher
  readonly #log: LogReader
  readonly #traces: Traces
  readonly #retention: Retention | undefined
  /** Calls that change something and have not ended. */
  #underWay = 0
  readonly #idle = new AbortController()
  #closing: Promise<void> | undefined

  constructor(options: RedisEventStoreOptions = {}) {
    super()
    const resolved = resolveEventStoreOptions(options)
    this.#prefix = resolved.connection.prefix
    const link = new StoreLink(resolved, new StoreKeys(this.#prefix))
    this.#link = link
    this.checkpoints = new StoreCheckpoints(link)
    this.leases = new RedisLeaseStore(resolved.given)
    this.#appender = new Appender(link)
    this.#fetcher = new EventFetcher(link)
    this.#log = new LogReader(link, this.#fetcher)
    this.#traces = new Traces(link)
    const parts = { link, log: this.#log, fetcher: this.#fetcher, traces: this.#traces, checkpoints: this.checkpoints }
    this.#retention = resolved.retention && new Retention(parts, resolved.retention)
    link.onOpen = () => this.#retention?.start()
  }

  get capabilities(): StoreCapabilities {
    const { durable, statement } = this.#link.durability
    return { durable, scope: `redis:${this.#prefix}:${this.#link.scope}`, concurrentTransactions: true, durability: statement }
  }

  connect(options?: Abortable): Promise<void> {
    return this.#link.connect(options)
  }

  async append(stream: string, events: readonly WireMessage[], options: AppendOptions = {}): Promise<AppendResult> {
    const result = await this.#counted(() => this.#appender.append(stream, events, options))
    this.appended()
    return result
  }

  readStream(stream: string, options: ReadStreamOptions = {}): AsyncGenerator<RecordedEvent, void, undefined> {
    return readStream(this.#link, this.#fetcher, stream, options)
  }

  readAll(options: ReadAllOptions = {}): AsyncGenerator<RecordedEvent, void, undefined> {
    return this.#log.readAll(options)
  }

  head({ signal }: Abortable = {}): Promise<Position> {
    return this.#log.head(signal)
  }

  deleteStream(stream: string, options: AppendOptions = {}): Promise<boolean> {
    return this.#counted(async () => {
      if (!(await this.#appender.delete(stream, options))) return false
      this.appended()
      await this.#traces.sweep()
      return true
    })
  }

  /** Removes now what `ttl`, `maxEvents` or `retention` no longer keep; otherwise that is done every few seconds. */
  async applyRetention(): Promise<RemovedEvents> {
    return (await this.#retention?.apply()) ?? { events: 0, streams: 0 }
  }

  async health({ signal }: Abortable = {}): Promise<ComponentHealth> {
    const { keys } = this.#link
    try {
      const observedValue = await this.#link.read('count events', (client) => client.xlen(keys.log), signal)
      const heldBack = this.#retention?.heldBackBy
      const output =
        this.#link.warning ??
        (heldBack &&
          `Events are kept beyond the retention, because the reader "${heldBack}" has not read them. Start it, or remove its checkpoint.`)
      return { status: output === undefined ? 'pass' : 'warn', output, observedValue, observedUnit: 'events' }
    } catch (error) {
      return { status: 'fail', output: toError(error).message }
    }
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  /** What is under way may finish; what comes now is refused. */
  async #close({ timeoutMs = closeTimeoutMs, signal }: CloseOptions): Promise<void> {
    const until = signal === undefined ? this.#idle.signal : AbortSignal.any([this.#idle.signal, signal])
    if (this.#underWay > 0) await pause(timeoutMs, until)
    await this.#retention?.stop()
    this.#link.close()
    this.leases.close()
  }

  async #counted<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new ClosedError('The event store is closed. Make a new one.')
    this.#underWay++
    try {
      return await call()
    } finally {
      this.#underWay--
      if (this.#underWay === 0 && this.#closing !== undefined) this.#idle.abort()
    }
  }
}
