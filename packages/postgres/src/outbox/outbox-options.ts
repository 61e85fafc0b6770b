import {
  ConfigurationError,
  checkOptions,
  type Destinations,
  type IKeyStore,
  type ILogger,
  type OptionCheckList,
  optionChecks,
  refuseOption,
} from '@interline/core'
import type { UserDatabase } from '../libraries/user-database.js'
import { identifier } from '../option-checks.js'
import { connectionChecks, type PostgresConnectionOptions, type ResolvedConnection, resolveConnection } from '../postgres-options.js'

/** A connection (`url`, `host`, …) is for the relay alone; without one it works through the user's library. */
export interface PostgresOutboxOptions extends Omit<PostgresConnectionOptions, 'client' | 'dataDir'> {
  /** The table of what waits, and the beginning of the names of all that belongs to it. Default `interline_outbox`. */
  readonly table?: string | undefined
  /** Whether missing tables are made and old ones brought up to date on connecting, default true. */
  readonly migrate?: boolean | undefined
  /** The `source` of events where no bus says it. Default `app`. */
  readonly service?: string | undefined
  /** Which destination carries which event type or topic, where no bus says it; as the bus's option of that name. */
  readonly destinations?: Destinations | undefined
  /** The keys of fields that definitions mark as encrypted, where no bus has them. */
  readonly keyStore?: IKeyStore | undefined
  /** Whether this process publishes what waits when its bus starts. Default true. */
  readonly relay?: boolean | undefined
  /** Whether relays are woken by NOTIFY, sent within the transaction that adds. Default true; off where very many transactions commit. */
  readonly hints?: boolean | undefined
  /** How often a relay looks for itself. Default 5,000 where it is woken by hints, else 1,000. */
  readonly pollMs?: number | undefined
  /** The most events in a batch, default 500. */
  readonly batchSize?: number | undefined
  /** How long a relay's partitions stay its own when nothing is heard of it. Default 10,000. */
  readonly leaseMs?: number | undefined
  readonly retry?: OutboxRetry | undefined
  /** How long what was sent can be looked up in the view, default 0: not at all. Somewhat longer, as it is given up by the slot. */
  readonly keepSentMs?: number | undefined
  /** For what a person should look at. Default: the console, or the bus's. */
  readonly logger?: Pick<ILogger, 'warn'> | undefined
}

export interface OutboxRetry {
  /** How often an event is tried while its destination takes others in between, before it is dead. Default 10. */
  readonly maxAttempts?: number | undefined
  /** The first delay, default 200; doubled each time. */
  readonly delayMs?: number | undefined
  /** Default 60,000. */
  readonly maxDelayMs?: number | undefined
}

export interface ResolvedOutboxOptions {
  readonly connection: ResolvedConnection
  /** Whether the relay has a connection of its own. */
  readonly connected: boolean
  readonly table: string
  readonly migrate: boolean
  readonly service: string
  readonly destinations: Destinations | undefined
  readonly keyStore: IKeyStore | undefined
  readonly relay: boolean
  readonly hints: boolean
  readonly pollMs: number | undefined
  readonly batchSize: number
  readonly leaseMs: number
  readonly retry: { readonly maxAttempts: number; readonly delayMs: number; readonly maxDelayMs: number }
  readonly keepSentMs: number
  readonly logger: Pick<ILogger, 'warn'> | undefined
}

const defaults = {
  table: 'interline_outbox',
  migrate: true,
  service: 'app',
  relay: true,
  hints: true,
  batchSize: 500,
  leaseMs: 10_000,
  keepSentMs: 0,
} as const
const retryDefaults = { maxAttempts: 10, delayMs: 200, maxDelayMs: 60_000 } as const
const path = 'outbox'

const { client: _client, dataDir: _dataDir, ...connections } = connectionChecks

const { integer, kind, logger, text } = optionChecks

const checks: OptionCheckList = {
  ...connections,
  table: identifier,
  migrate: kind('boolean'),
  service: text,
  destinations: (value, at) => {
    const fits =
      typeof value === 'function' || value === 'first-segment' || value === 'topic' || (typeof value === 'object' && value !== null)
    if (!fits) refuseOption(at, value, `'first-segment', 'topic', a map from type or topic to destination, or a function`)
  },
  keyStore: (value, at) => {
    if (typeof (value as Partial<IKeyStore> | null)?.current !== 'function') refuseOption(at, value, 'a key store')
  },
  relay: kind('boolean'),
  hints: kind('boolean'),
  pollMs: integer(10),
  batchSize: integer(1, 10_000),
  leaseMs: integer(500),
  retry: (value, at) => checkOptions(value, at, { maxAttempts: integer(1), delayMs: integer(1), maxDelayMs: integer(1) }),
  keepSentMs: integer(0),
  logger,
}

/** Refuses unknown keys, wrong types and contradictions; fills in the defaults. Never shows a value that may be a secret. */
export function resolveOutboxOptions<Transaction>(
  database: UserDatabase<Transaction>,
  options: PostgresOutboxOptions = {},
): ResolvedOutboxOptions {
  const { transaction, query, client } = (database ?? {}) as Partial<UserDatabase<Transaction>>
  if (typeof transaction !== 'function' || typeof query !== 'function') {
    throw new ConfigurationError(
      'An outbox needs the database whose transactions it takes part in: pgDatabase(pool), drizzleDatabase(db), or another object with transaction() and query().',
    )
  }
  checkOptions(options, path, checks)
  const connected = options.url !== undefined || options.host !== undefined
  const { table, migrate, service, relay, hints, batchSize, leaseMs, keepSentMs } = { ...defaults, ...definedOf(options) }
  return {
    connection: resolveConnection(connected ? options : { ...options, client }),
    connected,
    table,
    migrate,
    service,
    destinations: options.destinations,
    keyStore: options.keyStore,
    relay,
    hints,
    pollMs: options.pollMs,
    batchSize,
    leaseMs,
    retry: { ...retryDefaults, ...definedOf(options.retry ?? {}) },
    keepSentMs,
    logger: options.logger,
  }
}

type Defined<Given> = { [Name in keyof Given]?: Exclude<Given[Name], undefined> }

function definedOf<Given extends object>(given: Given): Defined<Given> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<Given>
}
