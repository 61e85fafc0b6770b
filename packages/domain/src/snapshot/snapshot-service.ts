import { type Abortable, type IClock, type ILogger, type ISnapshotStore, type StoredSnapshot, systemClock, toError } from '@interline/core'
import { consoleLogger } from '../console-logger.js'
import { compressJson, decompressJson } from './compressed-json.js'
import {
  type ResolvedSnapshotOptions,
  resolveSnapshotOptions,
  type SnapshotOptions,
  type SnapshotProblemReason,
} from './snapshot-options.js'

const dayMs = 86_400_000

/** A state, and the place in its stream that it is of. */
export interface Snapshot {
  readonly version: number
  /** The event that made this version. */
  readonly eventId: string
  readonly state: unknown
}

export interface SnapshotPlace extends Abortable {
  readonly version: number
  readonly eventId: string
  readonly schemaVersion: number
}

export interface FindSnapshotOptions extends Abortable {
  /** The form that the code knows. */
  readonly schemaVersion: number
  /** At this version or before. */
  readonly upTo?: number | undefined
}

/**
 * Takes snapshots and gives them back: compressed, with the version of their form, and only as long as they are kept. What can't be used
 * is told and passed over, never an error: whoever asked reads the events instead.
 */
export class SnapshotService {
  readonly #store: ISnapshotStore
  readonly #options: ResolvedSnapshotOptions
  readonly #clock: IClock
  readonly #logger: Pick<ILogger, 'warn'>
  readonly #onProblem: SnapshotOptions['onProblem']
  /** Forms that were warned of: after a deployment every aggregate has one. */
  readonly #knownForms = new Set<number>()

  constructor(store: ISnapshotStore, options: SnapshotOptions = {}) {
    this.#store = store
    this.#options = resolveSnapshotOptions(options)
    this.#clock = options.clock ?? systemClock
    this.#logger = options.logger ?? consoleLogger
    this.#onProblem = options.onProblem
  }

  get intervalVersions(): number {
    return this.#options.intervalVersions
  }

  /** Whether one is to be taken of a stream that went from one version to another. */
  due(before: number, after: number): boolean {
    const { intervalVersions } = this.#options
    return Math.floor(after / intervalVersions) > Math.floor(before / intervalVersions)
  }

  /** Answers whether it was stored. Removes what is kept no longer of the stream. */
  async take(stream: string, { version, eventId, schemaVersion, signal }: SnapshotPlace, state: () => unknown): Promise<boolean> {
    let data: Uint8Array
    try {
      data = await compressJson(state(), this.#options.maxBytes)
    } catch (thrown) {
      this.problem('unfit', stream, version, 'Give the aggregate a way to write its state as plain JSON, and to read it.', thrown)
      return false
    }
    try {
      await this.#store.save({ stream, version, schemaVersion, eventId, takenAt: this.#clock.now(), data }, { signal })
      await this.applyRetention(stream, { signal })
      return true
    } catch (thrown) {
      this.problem('unreachable', stream, version, 'It was not taken; the next one will be.', thrown)
      return false
    }
  }

  /** The newest that can be used, as far as the service can tell. */
  async find(stream: string, { schemaVersion, upTo, signal }: FindSnapshotOptions): Promise<Snapshot | undefined> {
    let most = upTo
    for (let tries = 0; tries <= this.#options.keep; tries++) {
      const found = await this.#load(stream, most, schemaVersion, signal)
      if (found === undefined) return undefined
      const { version, eventId } = found
      try {
        return { version, eventId, state: await decompressJson(found.data, this.#options.maxBytes) }
      } catch (thrown) {
        this.problem('damaged', stream, version, 'An older one, or the events, are read instead.', thrown)
        most = version - 1
      }
    }
    return undefined
  }

  /** Removes what is kept no longer: of one stream, or of all. Answers how many that were. */
  async applyRetention(stream?: string, { signal }: Abortable = {}): Promise<number> {
    const { keep, retentionDays } = this.#options
    let removed = await this.#store.remove({ stream, keep, signal })
    if (retentionDays !== undefined) {
      removed += await this.#store.remove({ stream, keep: 1, takenBefore: this.#clock.now() - retentionDays * dayMs, signal })
    }
    return removed
  }

  /** Removes all of a stream, as its deletion asks for. */
  async removeAll(stream: string, { signal }: Abortable = {}): Promise<number> {
    return this.#store.remove({ stream, signal })
  }

  /** Tells that a snapshot was of no use. */
  problem(reason: SnapshotProblemReason, stream: string, version: number | undefined, next: string, thrown?: unknown): void {
    const error = thrown === undefined ? undefined : toError(thrown)
    const which = version === undefined ? 'A snapshot' : `The snapshot of version ${version}`
    const message = `${which} of stream "${stream}" was not used (${reason})${error === undefined ? '' : `: ${error.message}`}. ${next}`
    if (reason !== 'schema') this.#logger.warn(message)
    this.#onProblem?.({ reason, stream, version, message, error })
  }

  async #load(
    stream: string,
    upTo: number | undefined,
    schemaVersion: number,
    signal: AbortSignal | undefined,
  ): Promise<StoredSnapshot | undefined> {
    try {
      const newest = await this.#store.load(stream, { upTo, signal })
      if (newest === undefined || newest.schemaVersion === schemaVersion) return newest
      this.problem(
        'schema',
        stream,
        newest.version,
        `It has the form ${newest.schemaVersion}, and this code knows ${schemaVersion}. The newest of that form, or the events, are read instead.`,
      )
      this.#warnOfForm(newest.schemaVersion, schemaVersion)
      return await this.#store.load(stream, { upTo, schemaVersion, signal })
    } catch (thrown) {
      signal?.throwIfAborted()
      this.problem('unreachable', stream, undefined, 'The events are read instead.', thrown)
      return undefined
    }
  }

  #warnOfForm(found: number, known: number): void {
    if (this.#knownForms.has(found)) return
    this.#knownForms.add(found)
    this.#logger.warn(
      `There are snapshots of the form ${found}, and this code knows ${known}: they are passed over, and made anew as needed.`,
    )
  }
}
