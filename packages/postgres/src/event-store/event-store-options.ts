import {
  ConfigurationError,
  checkOptions,
  defaultLogger,
  type ILogger,
  type OptionCheckList,
  optionChecks,
  type ResolvedRetention,
  resolveRetention,
  retentionChecks,
  type StoreRetention,
} from '@interline/core'
import { identifier } from '../option-checks.js'
import { connectionChecks, type PostgresConnectionOptions, type ResolvedConnection, resolveConnection } from '../postgres-options.js'
import type { KeepPolicy } from './pass-bounds.js'
import type { PartitionSpan } from './store-names.js'

/**
 * Which events leave the table of events for the archive, oldest first over all streams. Readers go on through the archive and see no
 * difference, but that it is slower; what writers are refused is weaker there: an event id is looked for among what is not archived.
 */
export interface PostgresArchive {
  /**
   * Where files of archived events are, compressed JSON lines, in a folder that all processes of the store share. Without it, archived
   * events are in another table. A process that only reads gives nothing but this.
   */
  readonly folder?: string | undefined
  /** Events that stay, newest first. */
  readonly maxEvents?: number | undefined
  /** How long events stay after they were recorded. */
  readonly maxAgeMs?: number | undefined
  /** Events that a reader with a checkpoint in this store has not passed: they stay (`keep`, default) until it has, or `move` too. */
  readonly unread?: 'keep' | 'move' | undefined
  /** Fewer than this wait for more. Default 1,000 for files, 1 for the table. */
  readonly minEvents?: number | undefined
  /** How long archived events are kept after they were recorded; a file goes when its newest is older. Default: for ever. */
  readonly keepMs?: number | undefined
  /** How often it is looked for what can go, default 60,000. */
  readonly intervalMs?: number | undefined
  /** Called after each pass that moved something. */
  readonly onArchived?: ((archived: { readonly events: number }) => void) | undefined
}

/** How the table of events is divided by the time at which events were recorded. */
export interface PostgresPartition {
  readonly by: PartitionSpan
  /** How many partitions are made ahead of their time, default 3. */
  readonly ahead?: number | undefined
  /** How often it is looked for what is to be made, default an hour. */
  readonly intervalMs?: number | undefined
}

export interface PostgresEventStoreOptions extends PostgresConnectionOptions {
  /** The table of events, and the beginning of the names of all that belongs to it. Default `interline_events`. */
  readonly table?: string | undefined
  /** Whether missing tables are made and old ones brought up to date on connecting, default true. */
  readonly migrate?: boolean | undefined
  /** How long an append is tried again, under the same event ids, before it is rejected. Default 15,000. */
  readonly appendTimeoutMs?: number | undefined
  /**
   * Whether processes tell each other of appends by NOTIFY, on a connection beside the pool. Default true; false where `client` is given.
   * Off behind a pgbouncer in transaction mode, which carries no notifications: readers then find out when they next look.
   */
  readonly hints?: boolean | undefined
  /** Which events are given up, looked for every 60,000 ms where it says nothing else. Off unless it is set. */
  readonly retention?: StoreRetention | undefined
  /**
   * Chosen when the tables are made. What it costs: an event id is looked for in its partition only, and every read asks each partition, so
   * have few of them. A partition that is over and empty, because its events were archived or given up, is dropped.
   */
  readonly partition?: PostgresPartition | undefined
  /** Off unless it is set. What another process has archived is read in any case. */
  readonly archive?: PostgresArchive | undefined
  /** For what a person should look at. Default: the console. */
  readonly logger?: Pick<ILogger, 'warn'> | undefined
}

export interface ResolvedArchive extends KeepPolicy {
  readonly folder: string | undefined
  /** Whether this process moves events, or only reads what was moved. */
  readonly moves: boolean
  readonly minEvents: number
  readonly keepMs: number
  readonly intervalMs: number
  readonly onArchived: PostgresArchive['onArchived']
}

export interface ResolvedPartition {
  readonly by: PartitionSpan
  readonly ahead: number
  readonly intervalMs: number
}

export interface ResolvedEventStoreOptions {
  readonly connection: ResolvedConnection
  readonly table: string
  readonly migrate: boolean
  readonly appendTimeoutMs: number
  readonly hints: boolean
  readonly retention: ResolvedRetention | undefined
  readonly archive: ResolvedArchive | undefined
  readonly partition: ResolvedPartition | undefined
  readonly logger: Pick<ILogger, 'warn'>
}

const defaults = {
  table: 'interline_events',
  migrate: true,
  appendTimeoutMs: 15_000,
  retentionIntervalMs: 60_000,
  archiveIntervalMs: 60_000,
  partitionsAhead: 3,
  partitionIntervalMs: 3_600_000,
} as const
/** A file of few events is hardly worth its name. */
const fewestInAFile = 1_000
const path = 'store.postgres'
const { integer, kind, logger, oneOf, text, within } = optionChecks

const partitionBy = oneOf('month', 'week', 'day')

const archiveChecks: OptionCheckList = {
  folder: text,
  maxEvents: integer(0),
  maxAgeMs: integer(0),
  unread: oneOf('keep', 'move'),
  minEvents: integer(1),
  keepMs: integer(1),
  intervalMs: integer(10),
  onArchived: kind('function'),
}

const checks: OptionCheckList = {
  ...connectionChecks,
  table: identifier,
  migrate: kind('boolean'),
  appendTimeoutMs: integer(1),
  hints: kind('boolean'),
  retention: within(retentionChecks),
  archive: within(archiveChecks),
  partition: (value, at) => {
    checkOptions(value, at, { by: partitionBy, ahead: integer(1, 100), intervalMs: integer(10) })
    partitionBy((value as Partial<PostgresPartition>).by, `${at}.by`)
  },
  logger,
}

/** Refuses unknown keys, wrong types and contradictions; fills in the defaults. Never shows a value that may be a secret. */
export function resolveEventStoreOptions(options: PostgresEventStoreOptions = {}): ResolvedEventStoreOptions {
  checkOptions(options, path, checks)
  return {
    connection: resolveConnection(options),
    table: options.table ?? defaults.table,
    migrate: options.migrate ?? defaults.migrate,
    appendTimeoutMs: options.appendTimeoutMs ?? defaults.appendTimeoutMs,
    hints: options.hints ?? options.client === undefined,
    retention: options.retention && resolveRetention(options.retention, `${path}.retention`, defaults.retentionIntervalMs),
    archive: options.archive && resolveArchive(options.archive),
    partition: options.partition && {
      by: options.partition.by,
      ahead: options.partition.ahead ?? defaults.partitionsAhead,
      intervalMs: options.partition.intervalMs ?? defaults.partitionIntervalMs,
    },
    logger: options.logger ?? defaultLogger,
  }
}

function resolveArchive({
  folder,
  maxEvents,
  maxAgeMs,
  unread,
  minEvents,
  keepMs,
  intervalMs,
  onArchived,
}: PostgresArchive): ResolvedArchive {
  const moves = maxEvents !== undefined || maxAgeMs !== undefined
  if (!moves && (folder === undefined || keepMs !== undefined || minEvents !== undefined)) {
    throw new ConfigurationError(
      `${path}.archive says nothing about what goes there. Give maxEvents or maxAgeMs; a process that only reads gives nothing but folder.`,
    )
  }
  return {
    folder,
    moves,
    maxEvents: maxEvents ?? Number.POSITIVE_INFINITY,
    maxAgeMs: maxAgeMs ?? Number.POSITIVE_INFINITY,
    keepsUnread: unread !== 'move',
    minEvents: minEvents ?? (folder === undefined ? 1 : fewestInAFile),
    keepMs: keepMs ?? Number.POSITIVE_INFINITY,
    intervalMs: intervalMs ?? defaults.archiveIntervalMs,
    onArchived,
  }
}
