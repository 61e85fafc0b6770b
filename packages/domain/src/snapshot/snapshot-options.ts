import { ConfigurationError, type IClock, type ILogger } from '@interline/core'

export interface SnapshotOptions {
  /** A snapshot is taken every so many versions of a stream. Default 100. */
  readonly intervalVersions?: number | undefined
  /** Older ones are removed, but for the newest of each stream. Default: kept whatever their age. */
  readonly retentionDays?: number | undefined
  /** So many of each stream are kept, the newest ones. Default 3. */
  readonly keep?: number | undefined
  /** A state that takes more bytes as JSON is neither stored nor read. Default 64 MiB. */
  readonly maxBytes?: number | undefined
  readonly clock?: IClock | undefined
  /** For what a person should look at. Default: the console. */
  readonly logger?: Pick<ILogger, 'warn'> | undefined
  /** Told of every snapshot that was not used, or could not be taken. It must not throw. */
  readonly onProblem?: ((problem: SnapshotProblem) => void) | undefined
}

/**
 * `schema`: it has another form than the code knows. `damaged`: it can't be read. `stale`: its stream was deleted or begun anew.
 * `unreachable`: the snapshot store did not answer. `unfit`: the state is no plain JSON, or too large.
 */
export type SnapshotProblemReason = 'schema' | 'damaged' | 'stale' | 'unreachable' | 'unfit'

export interface SnapshotProblem {
  readonly reason: SnapshotProblemReason
  readonly stream: string
  /** Of the snapshot; `undefined` where none was found. */
  readonly version: number | undefined
  readonly message: string
  readonly error?: Error | undefined
}

export interface ResolvedSnapshotOptions {
  readonly intervalVersions: number
  readonly retentionDays: number | undefined
  readonly keep: number
  readonly maxBytes: number
}

const defaults = { intervalVersions: 100, keep: 3, maxBytes: 64 * 1_024 * 1_024 } as const

export function resolveSnapshotOptions(options: SnapshotOptions): ResolvedSnapshotOptions {
  const { intervalVersions = defaults.intervalVersions, keep = defaults.keep, maxBytes = defaults.maxBytes, retentionDays } = options
  for (const [name, value] of Object.entries({ intervalVersions, keep, maxBytes })) {
    if (!Number.isSafeInteger(value) || value < 1) throw new ConfigurationError(`${name} is ${value}; give a whole number from 1.`)
  }
  if (retentionDays !== undefined && !(retentionDays > 0)) {
    throw new ConfigurationError(`retentionDays is ${retentionDays}; give days, more than 0, or leave it out to keep them.`)
  }
  return { intervalVersions, keep, maxBytes, retentionDays }
}

/** The options that the environment says: SNAPSHOT_INTERVAL_VERSIONS and SNAPSHOT_RETENTION_DAYS. */
export function snapshotOptionsFromEnv(
  env: Readonly<Record<string, string | undefined>>,
): Pick<SnapshotOptions, 'intervalVersions' | 'retentionDays'> {
  const read = (name: string): number | undefined => {
    const text = env[name]?.trim()
    if (text === undefined || text === '') return undefined
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
    throw new ConfigurationError(`${name} is ${JSON.stringify(text.slice(0, 40))}; give a whole number from 1.`)
  }
  return { intervalVersions: read('SNAPSHOT_INTERVAL_VERSIONS'), retentionDays: read('SNAPSHOT_RETENTION_DAYS') }
}
