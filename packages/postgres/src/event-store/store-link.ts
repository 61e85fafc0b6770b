import type { Database, Query } from '../database/database.js'
import { DatabaseLink } from '../database/database-link.js'
import type { Schema } from '../database/migrate.js'
import { plain } from '../database/statement.js'
import { type Durability, describeDurability, unknownDurability } from './durability.js'
import type { ResolvedEventStoreOptions } from './event-store-options.js'
import { eventStoreMigrations } from './schema/migrations.js'
import { StoreNames } from './store-names.js'

/** An event store's database, and what its server says of itself. */
export class StoreLink extends DatabaseLink<StoreNames> {
  readonly #options: ResolvedEventStoreOptions
  scope = 'unknown'
  durability: Durability = unknownDurability
  /** Called once it is connected for the first time. */
  onOpen: () => void = () => undefined
  /** Looks whether the tables are what was asked for. */
  onMade: (query: Query) => Promise<void> = async () => undefined

  constructor(options: ResolvedEventStoreOptions) {
    super({
      part: 'event store',
      names: new StoreNames(options.connection.schema, options.table, options.partition?.by),
      migrations: eventStoreMigrations,
      migrate: options.migrate,
      connection: options.connection,
      hints: options.hints,
      writeTimeoutMs: options.appendTimeoutMs,
      logger: options.logger,
      opened: (schema, database) => this.#opened(schema, database),
    })
    this.#options = options
  }

  async #opened({ scope }: Schema, database: Database): Promise<void> {
    await this.onMade(database.query)
    const { connection } = this.#options
    const [settings] = await database.query(plain(`SELECT current_setting('fsync'), current_setting('synchronous_commit')`), [], {
      timeoutMs: connection.connectTimeoutMs,
    })
    const [fsync, commit] = settings as [string, string]
    this.durability = describeDurability(connection.options, database.concurrent, fsync, commit)
    this.scope = scope
    this.onOpen()
  }
}
