import type { Abortable, ISnapshotStore, LoadSnapshotOptions, SnapshotSelection, StoredSnapshot } from '@interline/core'
import { type Links, linksOf, type Route } from './links.js'
import { type RedisConnectionOptions, resolveConnection } from './redis-options.js'
import { loadSnapshotScript, removeSnapshotsScript, saveSnapshotScript } from './scripts/index.js'

const lineFeed = 10
const scanCount = 1_000

/** Snapshots of each stream in one hash. A server that forgets them loses nothing: they are made again. */
export class RedisSnapshotStore implements ISnapshotStore {
  readonly #links: Links
  readonly #prefix: string

  constructor(options: RedisConnectionOptions = {}) {
    const resolved = resolveConnection(options)
    this.#links = linksOf(resolved, 'control')
    this.#prefix = `${resolved.prefix}:snapshots:`
  }

  async save(snapshot: StoredSnapshot, options?: Abortable): Promise<void> {
    options?.signal?.throwIfAborted()
    const { stream, version, schemaVersion, takenAt, eventId, data } = snapshot
    const same = `${version}:${schemaVersion}:`
    const value = Buffer.concat([Buffer.from(`${eventId}\n`), data])
    await this.#at(stream).run((client) => saveSnapshotScript.run(client, [this.#key(stream)], [same, `${same}${takenAt}`, value]))
  }

  async load(stream: string, { upTo, schemaVersion, signal }: LoadSnapshotOptions = {}): Promise<StoredSnapshot | undefined> {
    signal?.throwIfAborted()
    const values = [String(upTo ?? ''), String(schemaVersion ?? '')]
    const found = await this.#at(stream).run((client) => loadSnapshotScript.runBinary(client, [this.#key(stream)], values))
    if (found === null || found === undefined) return undefined
    const [field, value] = found as readonly [Buffer, Buffer]
    const [version, schema, takenAt] = field.toString().split(':').map(Number) as [number, number, number]
    const end = value.indexOf(lineFeed)
    const eventId = value.subarray(0, end).toString()
    return { stream, version, schemaVersion: schema, takenAt, eventId, data: value.subarray(end + 1) }
  }

  async remove({ stream, keep = 0, takenBefore, signal }: SnapshotSelection): Promise<number> {
    signal?.throwIfAborted()
    const values = [String(keep), String(takenBefore ?? '')]
    if (stream !== undefined) return this.#remove(this.#at(stream), this.#key(stream), values)
    let removed = 0
    for (const master of await this.#links.masters()) {
      const pattern = `${this.#prefix.replace(/[*?[\]\\]/g, '\\$&')}*`
      for (let cursor = '0'; ; ) {
        signal?.throwIfAborted()
        const [next, keys] = await master.run((client) => client.scan(cursor, 'MATCH', pattern, 'COUNT', scanCount))
        for (const key of keys) removed += await this.#remove(master, key, values)
        if (next === '0') break
        cursor = next
      }
    }
    return removed
  }

  close(): void {
    this.#links.close()
  }

  async #remove(route: Route, key: string, values: readonly string[]): Promise<number> {
    return Number(await route.run((client) => removeSnapshotsScript.run(client, [key], values)))
  }

  #at(stream: string): Route {
    return this.#links.at(this.#key(stream))
  }

  #key(stream: string): string {
    return `${this.#prefix}${stream}`
  }
}
