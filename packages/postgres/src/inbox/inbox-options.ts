import { ConfigurationError, checkOptions, type ILogger, type OptionCheckList, optionChecks } from '@interline/core'
import type { UserDatabase } from '../libraries/user-database.js'
import { identifier } from '../option-checks.js'
import { type ResolvedConnection, resolveConnection } from '../postgres-options.js'

export interface PostgresInboxOptions {
  /** The schema of its table, made where it is missing. Default `public`. */
  readonly schema?: string | undefined
  /** Default `interline_inbox`. */
  readonly table?: string | undefined
  /** Whether missing tables are made and old ones brought up to date, default true. */
  readonly migrate?: boolean | undefined
  /** How long what was handled is remembered, default 7 days: longer than anything may be delivered again, dead letters included. */
  readonly keepMs?: number | undefined
  /** For what a person should look at. Default: the console. */
  readonly logger?: Pick<ILogger, 'warn'> | undefined
}

export interface ResolvedInboxOptions {
  readonly connection: ResolvedConnection
  readonly table: string
  readonly migrate: boolean
  readonly keepMs: number
  readonly logger: Pick<ILogger, 'warn'>
}

const day = 86_400_000
const defaults = { table: 'interline_inbox', migrate: true, keepMs: 7 * day } as const

const toConsole: Pick<ILogger, 'warn'> = {
  warn: (message, fields) => console.warn(message, ...(fields === undefined ? [] : [fields])),
}

const { integer, kind, logger } = optionChecks

const checks: OptionCheckList = {
  schema: identifier,
  table: identifier,
  migrate: kind('boolean'),
  keepMs: integer(1),
  logger,
}

/** Refuses unknown keys and wrong types; fills in the defaults. */
export function resolveInboxOptions<Transaction>(
  database: UserDatabase<Transaction>,
  options: PostgresInboxOptions = {},
): ResolvedInboxOptions {
  const { transaction, query, client } = (database ?? {}) as Partial<UserDatabase<Transaction>>
  if (typeof transaction !== 'function' || typeof query !== 'function') {
    throw new ConfigurationError(
      'An inbox needs the database of the handlers’ effects: pgDatabase(pool), drizzleDatabase(db), or another object with transaction() and query().',
    )
  }
  checkOptions(options, 'inbox', checks)
  return {
    connection: resolveConnection({ schema: options.schema, client }),
    table: options.table ?? defaults.table,
    migrate: options.migrate ?? defaults.migrate,
    keepMs: options.keepMs ?? defaults.keepMs,
    logger: options.logger ?? toConsole,
  }
}
