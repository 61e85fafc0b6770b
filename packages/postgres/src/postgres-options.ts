import { ConfigurationError, type OptionCheckList, optionChecks, refuseOption } from '@interline/core'
import type { PGliteLike } from './database/pglite-database.js'
import { identifier } from './option-checks.js'

/** What is used of a pool of the package `pg`. */
export interface PgPoolLike {
  connect(): Promise<{ query(...words: never[]): unknown; release(destroy?: boolean | Error): void }>
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** Where the database is. Where nothing is said, the driver's own environment: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE. */
export interface PostgresConnectionOptions {
  /** Such as `postgresql://user:password@host:5432/database`. */
  readonly url?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly database?: string | undefined
  /** `true`, or the options of `node:tls`. */
  readonly ssl?: boolean | object | undefined
  /** A pool of `pg`, or a PGlite, of your own. It is never closed here. */
  readonly client?: PgPoolLike | PGliteLike | undefined
  /** Folder of an embedded PGlite, which is opened and closed here; `memory://` keeps nothing. Needs the package @electric-sql/pglite. */
  readonly dataDir?: string | undefined
  /** The schema of all tables, made where it is missing. Default `public`. */
  readonly schema?: string | undefined
  /** Most connections at once, default 10. */
  readonly maxConnections?: number | undefined
  /** The same by a driver's name. */
  readonly pool?: { readonly max?: number | undefined } | undefined
  /** Asks the server to end what takes longer. Not sent where it is not set: pgbouncer refuses it unless told to ignore it. */
  readonly statementTimeoutMs?: number | undefined
  /** Whether statements stay prepared on a connection, default true. Off for a pgbouncer before 1.21 in transaction mode. */
  readonly prepare?: boolean | undefined
  readonly connectTimeoutMs?: number | undefined
  /** How long one answer is waited for before the connection counts as dead, default 5,000. */
  readonly commandTimeoutMs?: number | undefined
}

export interface ResolvedConnection {
  readonly options: PostgresConnectionOptions
  readonly schema: string
  readonly maxConnections: number
  readonly prepare: boolean
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
}

const defaults = { schema: 'public', maxConnections: 10, prepare: true, connectTimeoutMs: 5_000, commandTimeoutMs: 5_000 } as const
const path = 'postgres'

const { integer, kind, text, within } = optionChecks

export const connectionChecks: OptionCheckList = {
  url: (value, at) => {
    // The value holds a password: it is never shown.
    if (typeof value !== 'string' || !/^postgres(ql)?:\/\//.test(value) || !URL.canParse(value)) {
      throw new ConfigurationError(`${at} is no URL such as postgresql://user@host:5432/database.`)
    }
  },
  host: text,
  port: integer(1, 65_535),
  user: text,
  password: kind('string'),
  database: text,
  ssl: (value, at) => {
    if (typeof value !== 'boolean' && (typeof value !== 'object' || value === null)) refuseOption(at, value, 'true, false or TLS options')
  },
  client: (value, at) => {
    if (!isPool(value) && !isPGlite(value)) refuseOption(at, value, 'a Pool of the package pg, or a PGlite')
  },
  dataDir: text,
  schema: identifier,
  maxConnections: integer(1, 10_000),
  pool: within({ max: integer(1, 10_000) }),
  statementTimeoutMs: integer(1),
  prepare: kind('boolean'),
  connectTimeoutMs: integer(1),
  commandTimeoutMs: integer(1),
}

/** Refuses contradictions and fills in the defaults; the caller has checked the keys. */
export function resolveConnection(options: PostgresConnectionOptions): ResolvedConnection {
  const places = (['url', 'host', 'client', 'dataDir'] as const).filter((name) => options[name] !== undefined)
  if (places.length > 1) {
    throw new ConfigurationError(`${path}.${places.join(` and ${path}.`)} each say where PostgreSQL is. Give one of them.`)
  }
  if (options.maxConnections !== undefined && options.pool?.max !== undefined) {
    throw new ConfigurationError(`${path}.maxConnections and ${path}.pool.max say the same thing. Give one of them.`)
  }
  return {
    options,
    schema: options.schema ?? defaults.schema,
    maxConnections: options.maxConnections ?? options.pool?.max ?? defaults.maxConnections,
    prepare: options.prepare ?? defaults.prepare,
    connectTimeoutMs: options.connectTimeoutMs ?? defaults.connectTimeoutMs,
    commandTimeoutMs: options.commandTimeoutMs ?? defaults.commandTimeoutMs,
  }
}

export function isPGlite(value: unknown): value is PGliteLike {
  const { waitReady, exec } = (value ?? {}) as Partial<PGliteLike>
  return waitReady instanceof Promise && typeof exec === 'function'
}

export function isPool(value: unknown): value is PgPoolLike {
  const { connect, on, idleCount } = (value ?? {}) as Partial<PgPoolLike> & { readonly idleCount?: unknown }
  return typeof connect === 'function' && typeof on === 'function' && typeof idleCount === 'number'
}
