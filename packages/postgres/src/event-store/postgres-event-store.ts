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
import { plain } from '../database/statement.js'
import { pause } from '../waiting.js'
import { Appender } from './appender.js'
import { type PostgresEventStoreOptions, type RemovedEvents, resolveEventStoreOptions } from './event-store-options.js'
import { Hints } from './hints.js'
import { LogReader } from './log-reader.js'
import { Retention } from './retention.js'
import { StoreCheckpoints } from './store-checkpoints.js'
import { StoreLeases } from './store-leases.js'
import { StoreLink } from './store-link.js'
import { StreamReader } from './stream-reader.js'

const closeTimeoutMs = 5_000

/**
 * Events in PostgreSQL, or in a PGlite inside this process: each stream with versions, all of them in one order of positions that readers
 * pass without a gap, whatever other transactions are doing. Positions grow and may leave numbers out.
 */
export class PostgresEventStore extends EventStoreBase {
  readonly name = 'postgres'
  readonly checkpoints: StoreCheckpoints
  readonly leases: StoreLeases
  readonly #link: StoreLink
  readonly #place: string
  readonly #appender: Appender
  readonly #streams: StreamReader
  readonly #log: LogReader
  readonly #hints: Hints | undefined
  readonly #retention: Retention | undefined
  /** Calls that change something and have not ended. */
  #underWay = 0
  readonly #idle = new AbortController()
  #closing: Promise<void> | undefined

  constructor(options: PostgresEventStoreOptions = {}) {
    super()
    const resolved = resolveEventStoreOptions(options)
    this.#place = `${resolved.connection.schema}.${resolved.table}`
    const link = new StoreLink(resolved)
    this.#link = link
    this.checkpoints = new StoreCheckpoints(link)
    this.leases = new StoreLeases(link)
    this.#appender = new Appender(link)
    this.#streams = new StreamReader(link)
    this.#log = new LogReader(link)
    this.#hints = resolved.hints ? new Hints(link, () => this.appended()) : undefined
    this.#retention = resolved.retention && new Retention(link, this.checkpoints, resolved.retention)
    link.onOpen = () => this.#retention?.start()
  }

  get capabilities(): StoreCapabilities {
    const { durability, scope, concurrent } = this.#link
    return {
      durable: durability.durable,
      scope: `postgres:${this.#place}:${scope}`,
      concurrentTransactions: concurrent,
      durability: durability.statement,
    }
  }

  connect(options?: Abortable): Promise<void> {
    return this.#link.connect(options)
  }

  async append(stream: string, events: readonly WireMessage[], options: AppendOptions = {}): Promise<AppendResult> {
    const result = await this.#counted(() => this.#appender.append(stream, events, options))
    this.appended()
    this.#hints?.tell()
    return result
  }

  readStream(stream: string, options: ReadStreamOptions = {}): AsyncGenerator<RecordedEvent, void, undefined> {
    return this.#streams.read(stream, options)
  }

  readAll(options: ReadAllOptions = {}): AsyncGenerator<RecordedEvent, void, undefined> {
    return this.#log.readAll(options)
  }

  head({ signal }: Abortable = {}): Promise<Position> {
    return this.#log.head(signal)
  }

  /** Its name can be used again: versions go on after the deleted ones, and begin at 1 only for `expectedVersion: 0`. */
  async deleteStream(stream: string, options: AppendOptions = {}): Promise<boolean> {
    const deleted = await this.#counted(() => this.#appender.delete(stream, options))
    if (deleted) {
      this.appended()
      this.#hints?.tell()
    }
    return deleted
  }

  /** Also hears of what other processes append, where `hints` are on. */
  override onAppended(callback: () => void): () => void {
    this.#hints?.listen()
    return super.onAppended(callback)
  }

  /** Removes now what `retention` no longer keeps; otherwise that is done from time to time. */
  async applyRetention(): Promise<RemovedEvents> {
    return (await this.#retention?.apply()) ?? { events: 0, streams: 0 }
  }

  async health({ signal }: Abortable = {}): Promise<ComponentHealth> {
    const { names } = this.#link
    try {
      const asked = plain(`SELECT last_value, current_setting('transaction_read_only') = 'on' FROM ${names.position}`)
      const [row] = await this.#link.read('tell how it is', (query) => query(asked, []), { signal })
      const observed = { observedValue: Number(row?.[0]), observedUnit: 'newest position' }
      if (row?.[1] === true)
        return { status: 'fail', output: 'The server is read-only: nothing can be appended. Connect to the primary.', ...observed }
      const heldBack = this.#retention?.heldBackBy
      if (heldBack === undefined) return { status: 'pass', ...observed }
      const output = `Events are kept beyond the retention, because the reader "${heldBack}" has not read them. Start it, or remove its checkpoint.`
      return { status: 'warn', output, ...observed }
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
    await this.#hints?.stop()
    await this.#link.close()
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
