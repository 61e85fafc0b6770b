import { type Abortable, ClosedError, ConfigurationError, type ILogger } from '@interline/core'
import type { Database, Query } from '../database/database.js'
import { abortable, failure, isLost, isUndone } from '../database/failure.js'
import { openDatabase } from '../database/open-database.js'
import { plain } from '../database/statement.js'
import { migrate } from '../migrations/migrate.js'
import { eventStoreMigrations } from '../migrations/migrations.js'
import { StoreNames } from '../store-names.js'
import { pause } from '../waiting.js'
import { type Durability, describeDurability, unknownDurability } from './durability.js'
import type { ResolvedEventStoreOptions } from './event-store-options.js'

const oldestServer = 130_000
const mostRepeats = 10

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** How long the call is tried again; each try waits for its answer as long as a command may take. */
  readonly timeoutMs?: number | undefined
  /** How long one try waits, where that is not what a command may take. */
  readonly answerMs?: number | undefined
}

/** A store's database, once it is open and its tables are as this package needs them. Lost connections and undone transactions are tried again. */
export class StoreLink {
  readonly names: StoreNames
  readonly #options: ResolvedEventStoreOptions
  #database: Database | undefined
  #connecting: Promise<void> | undefined
  #open = false
  #closed = false
  scope = 'unknown'
  durability: Durability = unknownDurability
  /** Called once it is connected for the first time. */
  onOpen: () => void = () => undefined

  constructor(options: ResolvedEventStoreOptions) {
    this.#options = options
    this.names = new StoreNames(options.connection.schema, options.table)
  }

  get logger(): Pick<ILogger, 'warn'> {
    return this.#options.logger
  }

  /** Whether transactions can run beside each other. */
  get concurrent(): boolean {
    return this.#database?.concurrent ?? this.#options.connection.options.dataDir === undefined
  }

  get database(): Database | undefined {
    return this.#database
  }

  connect({ signal }: Abortable = {}): Promise<void> {
    this.#connecting ??= this.#connect().catch((error: unknown) => {
      this.#connecting = undefined
      throw error
    })
    return abortable(this.#connecting, signal)
  }

  /** For what may be executed twice. `again` tells the work that an earlier try may have been. */
  write<T>(what: string, work: (query: Query, again: boolean) => Promise<T>, options: CallOptions = {}): Promise<T> {
    const { appendTimeoutMs } = this.#options
    return this.#run(what, 'It may have been done: ask for the same again.', work, { timeoutMs: appendTimeoutMs, ...options })
  }

  read<T>(what: string, work: (query: Query) => Promise<T>, options: CallOptions = {}): Promise<T> {
    const { commandTimeoutMs } = this.#options.connection
    return this.#run(what, 'Try again when it answers.', work, { timeoutMs: commandTimeoutMs, ...options })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#connecting?.catch(() => undefined)
    await this.#database?.close()
  }

  async #run<T>(
    what: string,
    next: string,
    work: (query: Query, again: boolean) => Promise<T>,
    { signal, timeoutMs = 0, answerMs = this.#options.connection.commandTimeoutMs }: CallOptions,
  ): Promise<T> {
    signal?.throwIfAborted()
    this.#refuseClosed()
    if (!this.#open) await this.connect({ signal })
    const until = performance.now() + timeoutMs
    for (let tries = 1, again = false; ; tries++) {
      this.#refuseClosed()
      const query: Query = (statement, values) => (this.#database as Database).query(statement, values, { timeoutMs: answerMs })
      try {
        return await abortable(work(query, again), signal)
      } catch (thrown) {
        if (signal?.aborted === true && thrown === signal.reason) throw thrown
        const lost = isLost(thrown)
        const repeatable = lost ? performance.now() < until : isUndone(thrown) && tries <= mostRepeats
        if (!repeatable || this.#closed) throw failure(thrown, what, next)
        again = true
        // The first try on a new connection comes at once: often only an idle one had died.
        if (tries > 1 || !lost) await pause(Math.min(20 * tries, 500, Math.max(0, until - performance.now())) * Math.random(), signal)
      }
    }
  }

  async #connect(): Promise<void> {
    this.#refuseClosed()
    const { connection, hints, migrate: mayMigrate } = this.#options
    try {
      this.#database ??= await openDatabase(connection, hints)
      const [settings] = await this.#database.query(
        plain(`SELECT current_setting('server_version_num')::int, current_setting('fsync'), current_setting('synchronous_commit')`),
        [],
        { timeoutMs: connection.connectTimeoutMs },
      )
      const [version, fsync, commit] = settings as [number, string, string]
      if (version < oldestServer) {
        throw new ConfigurationError(`PostgreSQL ${Math.floor(version / 10_000)} is too old for the event store, which needs 13 or newer.`)
      }
      this.durability = describeDurability(connection.options, this.#database.concurrent, fsync, commit)
      this.scope = (await migrate(this.#database, this.names, eventStoreMigrations, mayMigrate)).scope
    } catch (thrown) {
      throw failure(thrown, 'open the event store', 'Check where it is, and that the user may use its tables.')
    }
    this.#open = true
    this.onOpen()
  }

  #refuseClosed(): void {
    if (this.#closed) throw new ClosedError('The event store is closed. Make a new one.')
  }
}
