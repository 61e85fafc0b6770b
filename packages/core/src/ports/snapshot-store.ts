import type { Abortable, Awaitable } from './abortable.js'

/** The state of one stream at one of its versions, in bytes that only their writer understands. */
export interface StoredSnapshot {
  readonly stream: string
  /** The version of the stream that the state is of. */
  readonly version: number
  /** Which form the state has: who knows one form can't read another. */
  readonly schemaVersion: number
  /** The event that made this version: a stream that was deleted and begun anew has another one there. */
  readonly eventId: string
  /** Milliseconds since 1970, by the clock of who took it. */
  readonly takenAt: number
  readonly data: Uint8Array
}

/** Where snapshots are kept. They save time and hold no truth: any of them may be missing at any time, and is then made again. */
export interface ISnapshotStore {
  /** One of the same stream, version and schema version takes the place of the other. */
  save(snapshot: StoredSnapshot, options?: Abortable): Awaitable<void>
  /** The newest of a stream that fits; `undefined` where there is none. */
  load(stream: string, options?: LoadSnapshotOptions): Awaitable<StoredSnapshot | undefined>
  /** Removes what is selected; answers how many that were. */
  remove(selection: SnapshotSelection): Awaitable<number>
}

export interface LoadSnapshotOptions extends Abortable {
  /** At this version or before. */
  readonly upTo?: number | undefined
  /** Only in this form. */
  readonly schemaVersion?: number | undefined
}

export interface SnapshotSelection extends Abortable {
  /** Of one stream; of every stream where it is not said. */
  readonly stream?: string | undefined
  /** So many of each stream stay whatever else is said, the newest ones. Default 0. */
  readonly keep?: number | undefined
  /** Only those that were taken before this time, in milliseconds since 1970. */
  readonly takenBefore?: number | undefined
}
