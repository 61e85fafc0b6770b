import {
  type Abortable,
  type AppendOptions,
  type AppendResult,
  type ComponentHealth,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  Retention,
  type StoreCapabilities,
  type StoreEngine,
  type WireMessage,
} from '@interline/core'
import { RedisLeaseStore } from '../redis-lease-store.js'
import { Appender } from './appender.js'
import { EventFetcher } from './event-fetcher.js'
import type { ResolvedEventStoreOptions } from './event-store-options.js'
import { LogReader } from './log-reader.js'
import { removeOldEvents } from './retention.js'
import { StoreCheckpoints } from './store-checkpoints.js'
import { StoreKeys } from './store-keys.js'
import { StoreLink } from './store-link.js'
import { readStream } from './stream-reader.js'
import { Traces } from './traces.js'

/** The store's verbs on one Redis. */
export class RedisStoreEngine implements StoreEngine {
  readonly checkpoints: StoreCheckpoints
  readonly leases: RedisLeaseStore
  readonly retention: Retention | undefined
  readonly #link: StoreLink
  readonly #prefix: string
  readonly #appender: Appender
  readonly #fetcher: EventFetcher
  readonly #log: LogReader
  readonly #traces: Traces

  constructor({ connection, given, retention, appendTimeoutMs, logger }: ResolvedEventStoreOptions) {
    this.#prefix = connection.prefix
    const link = new StoreLink({ connection, appendTimeoutMs, logger }, new StoreKeys(this.#prefix))
    this.#link = link
    this.checkpoints = new StoreCheckpoints(link)
    this.leases = new RedisLeaseStore(given)
    this.#appender = new Appender(link)
    this.#fetcher = new EventFetcher(link)
    this.#log = new LogReader(link, this.#fetcher)
    this.#traces = new Traces(link)
    const parts = { link, log: this.#log, fetcher: this.#fetcher, traces: this.#traces, checkpoints: this.checkpoints }
    this.retention = retention && new Retention(retention, (options) => removeOldEvents(parts, options), logger)
    link.onOpen = () => this.retention?.start()
  }

  get capabilities(): StoreCapabilities {
    const { durable, statement } = this.#link.durability
    return { durable, scope: `redis:${this.#prefix}:${this.#link.scope}`, concurrentTransactions: true, durability: statement }
  }

  connect(options?: Abortable): Promise<void> {
    return this.#link.connect(options)
  }

  append(stream: string, events: readonly WireMessage[], options: AppendOptions): Promise<AppendResult> {
    return this.#appender.append(stream, events, options)
  }

  readStream(stream: string, options: ReadStreamOptions): AsyncIterable<RecordedEvent> {
    return readStream(this.#link, this.#fetcher, stream, options)
  }

  readAll(options: ReadAllOptions): AsyncIterable<RecordedEvent> {
    return this.#log.readAll(options)
  }

  head({ signal }: Abortable): Promise<Position> {
    return this.#log.head(signal)
  }

  async countAfter(position: Position | undefined, { signal }: Abortable): Promise<number> {
    return Math.max(0, Number(await this.#log.head(signal)) - Number(position ?? 0))
  }

  async deleteStream(stream: string, options: AppendOptions): Promise<boolean> {
    if (!(await this.#appender.delete(stream, options))) return false
    await this.#traces.sweep()
    return true
  }

  async health({ signal }: Abortable): Promise<ComponentHealth> {
    const { keys, warning } = this.#link
    const observedValue = await this.#link.read('count events', (client) => client.xlen(keys.log), signal)
    return { status: warning === undefined ? 'pass' : 'warn', output: warning, observedValue, observedUnit: 'events' }
  }

  async close(): Promise<void> {
    this.#link.close()
    this.leases.close()
  }
}
