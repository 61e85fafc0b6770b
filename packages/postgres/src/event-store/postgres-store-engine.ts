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
import { Hints } from '../database/hints.js'
import { plain } from '../database/statement.js'
import { Appender } from './appender.js'
import { ArchiveFolder } from './archive/archive-folder.js'
import { ArchiveReader } from './archive/archive-reader.js'
import { Archiver } from './archive/archiver.js'
import { Archiving } from './archive/archiving.js'
import type { ResolvedEventStoreOptions } from './event-store-options.js'
import { LogReader } from './log-reader.js'
import { OldEvents } from './old-events.js'
import { Partitions } from './partitions.js'
import { PassBounds } from './pass-bounds.js'
import { StoreCheckpoints } from './store-checkpoints.js'
import { StoreLeases } from './store-leases.js'
import { StoreLink } from './store-link.js'
import { StreamReader } from './stream-reader.js'

/** The store's verbs on one PostgreSQL. */
export class PostgresStoreEngine implements StoreEngine {
  readonly checkpoints: StoreCheckpoints
  readonly leases: StoreLeases
  readonly retention: Retention | undefined
  readonly archive: Archiving | undefined
  readonly partitions: Partitions | undefined
  readonly hints: Hints | undefined
  readonly #link: StoreLink
  readonly #place: string
  readonly #appender: Appender
  readonly #streams: StreamReader
  readonly #log: LogReader

  constructor(options: ResolvedEventStoreOptions) {
    const { connection, table, hints, retention, archive, partition, logger } = options
    this.#place = `${connection.schema}.${table}`
    const link = new StoreLink(options)
    this.#link = link
    this.checkpoints = new StoreCheckpoints(link)
    this.leases = new StoreLeases(link)
    this.#appender = new Appender(link)
    const folder = archive?.folder === undefined ? undefined : new ArchiveFolder(archive.folder, table)
    const reader = new ArchiveReader(link, folder)
    this.#streams = new StreamReader(link, reader)
    this.#log = new LogReader(link, reader)
    this.hints = hints ? new Hints(link) : undefined
    const bounds = new PassBounds(link, this.checkpoints)
    const old = new OldEvents(link, bounds)
    this.retention = retention && new Retention(retention, (asked) => old.remove(asked), logger)
    this.archive = archive?.moves === true ? new Archiving(new Archiver(link, bounds, archive, folder), archive, logger) : undefined
    this.partitions = partition && new Partitions(link, partition, logger)
    link.onMade = async (query) => this.partitions?.check(query)
    link.onOpen = () => {
      this.partitions?.start()
      this.retention?.start()
      this.archive?.start()
    }
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

  append(stream: string, events: readonly WireMessage[], options: AppendOptions): Promise<AppendResult> {
    return this.#appender.append(stream, events, options)
  }

  readStream(stream: string, options: ReadStreamOptions): AsyncIterable<RecordedEvent> {
    return this.#streams.read(stream, options)
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

  deleteStream(stream: string, options: AppendOptions): Promise<boolean> {
    return this.#appender.delete(stream, options)
  }

  async health({ signal }: Abortable): Promise<ComponentHealth> {
    const asked = plain(`SELECT last_value, current_setting('transaction_read_only') = 'on' FROM ${this.#link.names.position}`)
    const [row] = await this.#link.read('tell how it is', (query) => query(asked, []), { signal })
    const observed = { observedValue: Number(row?.[0]), observedUnit: 'newest position' }
    const output = this.archive?.warning
    if (row?.[1] !== true) return { status: output === undefined ? 'pass' : 'warn', output, ...observed }
    return { status: 'fail', output: 'The server is read-only: nothing can be appended. Connect to the primary.', ...observed }
  }

  async close(): Promise<void> {
    await this.archive?.stop()
    await this.partitions?.stop()
    await this.#link.close()
  }
}
