import type { ISnapshotStore, LoadSnapshotOptions, SnapshotSelection, StoredSnapshot } from '@interline/core'

/** Snapshots of this process. */
export class MemorySnapshotStore implements ISnapshotStore {
  /** Of each stream, the newest first. */
  readonly #streams = new Map<string, readonly StoredSnapshot[]>()

  save(snapshot: StoredSnapshot): void {
    const { stream, version, schemaVersion } = snapshot
    const others = this.#of(stream).filter((each) => each.version !== version || each.schemaVersion !== schemaVersion)
    // Bytes of its own, so that nobody changes them afterwards.
    this.#set(stream, [...others, { ...snapshot, data: snapshot.data.slice() }].sort(newestFirst))
  }

  load(stream: string, { upTo = Number.POSITIVE_INFINITY, schemaVersion }: LoadSnapshotOptions = {}): StoredSnapshot | undefined {
    const found = this.#of(stream).find(
      (each) => each.version <= upTo && (schemaVersion === undefined || each.schemaVersion === schemaVersion),
    )
    return found && { ...found, data: found.data.slice() }
  }

  remove({ stream, keep = 0, takenBefore = Number.POSITIVE_INFINITY }: SnapshotSelection): number {
    let removed = 0
    for (const name of stream === undefined ? [...this.#streams.keys()] : [stream]) {
      const before = this.#of(name)
      const after = before.filter(({ takenAt }, index) => index < keep || takenAt >= takenBefore)
      removed += before.length - after.length
      this.#set(name, after)
    }
    return removed
  }

  #of(stream: string): readonly StoredSnapshot[] {
    return this.#streams.get(stream) ?? []
  }

  #set(stream: string, snapshots: readonly StoredSnapshot[]): void {
    if (snapshots.length === 0) this.#streams.delete(stream)
    else this.#streams.set(stream, snapshots)
  }
}

function newestFirst(left: StoredSnapshot, right: StoredSnapshot): number {
  return right.version - left.version || right.schemaVersion - left.schemaVersion
}
