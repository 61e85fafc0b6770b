import { type Abortable, ClosedError, ConfigurationError, type ILogger } from '@interline/core'
import type { ResolvedConnection } from '../postgres-options.js'
import type { TableNames } from '../table-names.js'
import { pause } from '../waiting.js'
import type { Database, Query } from './database.js'
import { abortable, failure, isLost, isUndone } from './failure.js'
import { type Migration, migrate, type Schema } from './migrate.js'
import { openDatabase } from './open-database.js'
import { plain } from './statement.js'

const oldestServer = 130_000
const mostRepeats = 10

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** How long the call is tried again; each try waits for its answer as long as a command may take. */
  readonly timeoutMs?: number | undefined
  /** How long one try waits, where that is not what a command may take. */
  readonly answerMs?: number | undefined
}

export interface LinkOptions<Names extends TableNames> {
  /** What a person knows this part by, such as "event store". */
  readonly part: string
  readonly names: Names
  readonly migrations: readonly Migration<Names>[]
  /** Whether missing tables are made and old ones brought up to date. */
  readonly migrate: boolean
  readonly connection: ResolvedConnection
  /** Opens the database, where the connection does not say all that is needed. */
  readonly open?: (() => Promise<Database>) | undefined
  /** Whether notifications are heard and sent. */
  readonly hints: boolean
  /** How long a write is tried again. */
  readonly writeTimeoutMs: number
  readonly logger: Pick<ILogger, 'warn'>
  /** Called once, when the database is open and its tables are there, before the first call is let through. */
  readonly opened?: ((schema: Schema, database: Database) => Promise<void>) | undefined
}

/** A part's database, once it is open and its tables are as this package needs them. Lost connections and undone transactions are tried again. */
export class DatabaseLink<Names extends TableNames> {
  readonly names: Names
  readonly #options: LinkOptions<Names>
  #database: Database | undefined
  #connecting: Promise<void> | undefined
  #open = false
  #closed = false

  constructor(options: LinkOptions<Names>) {
    this.#options = options
    this.names = options.names
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
    const { writeTimeoutMs } = this.#options
    return this.#run(what, 'It may have been done: ask for the same again.', work, { timeoutMs: writeTimeoutMs, ...options })
  }

  /** All or nothing of several statements. Where nobody knows whether it was committed it is done again, and finds out for itself. */
  transaction<T>(what: string, work: (query: Query) => Promise<T>, options: CallOptions = {}): Promise<T> {
    const { writeTimeoutMs, connection } = this.#options
    const { answerMs: timeoutMs = connection.commandTimeoutMs } = options
    const whole = (): Promise<T> =>
      (this.#database as Database).transaction((query) => work((statement, values) => query(statement, values, { timeoutMs })), {
        timeoutMs,
      })
    return this.#run(what, 'It may have been done: ask for the same again.', whole, { timeoutMs: writeTimeoutMs, ...options })
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
    const { part, connection, open, hints, migrations, migrate: mayMigrate, opened } = this.#options
    try {
      this.#database ??= await (open === undefined ? openDatabase(connection, hints) : open())
      const [row] = await this.#database.query(plain(`SELECT current_setting('server_version_num')::int`), [], {
        timeoutMs: connection.connectTimeoutMs,
      })
      const version = Number(row?.[0])
      if (version < oldestServer) {
        throw new ConfigurationError(`PostgreSQL ${Math.floor(version / 10_000)} is too old for the ${part}, which needs 13 or newer.`)
      }
      const schema = await migrate(this.#database, this.names, migrations, mayMigrate)
      await opened?.(schema, this.#database)
    } catch (thrown) {
      throw failure(thrown, `open the ${part}`, 'Check where it is, and that the user may use its tables.')
    }
    this.#open = true
  }

  #refuseClosed(): void {
    if (this.#closed) throw new ClosedError(`The ${this.#options.part} is closed. Make a new one.`)
  }
}
