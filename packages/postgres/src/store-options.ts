import { checkOptions, type ILogger, type OptionCheckList, optionChecks } from '@interline/core'
import { DatabaseLink } from './database/database-link.js'
import type { Migration } from './database/migrate.js'
import { identifier } from './option-checks.js'
import { connectionChecks, type PostgresConnectionOptions, resolveConnection } from './postgres-options.js'
import type { TableNames } from './table-names.js'

/** Options of a store that is one table. */
export interface PostgresStoreOptions extends PostgresConnectionOptions {
  readonly table?: string | undefined
  /** Whether a missing table is made and an old one brought up to date, default true. */
  readonly migrate?: boolean | undefined
  /** For what a person should look at. Default: the console. */
  readonly logger?: Pick<ILogger, 'warn'> | undefined
}

const { kind, logger } = optionChecks

const checks: OptionCheckList = {
  ...connectionChecks,
  table: identifier,
  migrate: kind('boolean'),
  logger,
}

const toConsole: Pick<ILogger, 'warn'> = {
  warn: (message, fields) => console.warn(message, ...(fields === undefined ? [] : [fields])),
}

interface Part<Names extends TableNames> {
  /** What a person knows it by, such as "idempotency store". */
  readonly part: string
  /** Where its options are, for what is refused. */
  readonly path: string
  readonly table: string
  readonly names: (schema: string, table: string) => Names
  readonly migrations: readonly Migration<Names>[]
}

/** The link of a store that is one table. Refuses unknown keys, wrong types and contradictions. */
export function storeLink<Names extends TableNames>(
  options: PostgresStoreOptions,
  { part, path, table, names, migrations }: Part<Names>,
): DatabaseLink<Names> {
  checkOptions(options, path, checks)
  const connection = resolveConnection(options)
  return new DatabaseLink({
    part,
    names: names(connection.schema, options.table ?? table),
    migrations,
    migrate: options.migrate ?? true,
    connection,
    hints: false,
    writeTimeoutMs: connection.commandTimeoutMs,
    logger: options.logger ?? toConsole,
  })
}
