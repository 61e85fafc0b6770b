import type { ILogger } from '@interline/core'
import { DatabaseLink } from '../database/database-link.js'
import { SeamDatabase } from '../libraries/seam-database.js'
import type { UserDatabase } from '../libraries/user-database.js'
import { OutboxNames } from './outbox-names.js'
import type { ResolvedOutboxOptions } from './outbox-options.js'
import { outboxMigrations } from './schema/migrations.js'

const writeTimeoutMs = 5_000

/** The database as the relay reaches it: by a connection of its own, else by the pool beneath the user's library, else by the library. */
export class OutboxLink extends DatabaseLink<OutboxNames> {
  constructor(user: UserDatabase<never>, options: ResolvedOutboxOptions, logger: Pick<ILogger, 'warn'>) {
    const direct = options.connected || user.client !== undefined
    super({
      part: 'outbox',
      names: new OutboxNames(options.connection.schema, options.table),
      migrations: outboxMigrations,
      migrate: options.migrate,
      connection: options.connection,
      open: direct ? undefined : async () => new SeamDatabase(user),
      hints: options.hints && options.relay,
      writeTimeoutMs,
      logger,
    })
  }
}
