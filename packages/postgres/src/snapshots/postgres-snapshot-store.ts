import type { Abortable, ISnapshotStore, LoadSnapshotOptions, SnapshotSelection, StoredSnapshot } from '@interline/core'
import type { DatabaseLink } from '../database/database-link.js'
import { prepared, type Statement } from '../database/statement.js'
import { type PostgresStoreOptions, storeLink } from '../store-options.js'
import { snapshotMigrations } from './migrations.js'
import { SnapshotNames } from './snapshot-names.js'

/** Snapshots in a table of their own, in PostgreSQL or in a PGlite inside this process. */
export class PostgresSnapshotStore implements ISnapshotStore, AsyncDisposable {
  readonly #link: DatabaseLink<SnapshotNames>
  readonly #save: Statement
  readonly #load: Statement
  readonly #removeOfOne: Statement
  readonly #removeOfAll: Statement

  constructor(options: PostgresStoreOptions = {}) {
    this.#link = storeLink(options, {
      part: 'snapshot store',
      path: 'snapshots.postgres',
      table: 'interline_snapshots',
      names: (schema, table) => new SnapshotNames(schema, table),
      migrations: snapshotMigrations,
    })
    const { snapshots } = this.#link.names
    this.#save = prepared(
      `INSERT INTO ${snapshots} (stream, version, schema_version, event_id, taken_at, data)
       VALUES ($1::text, $2::bigint, $3::integer, $4::text, $5::bigint, decode($6::text, 'base64'))
       ON CONFLICT (stream, version, schema_version)
       DO UPDATE SET event_id = excluded.event_id, taken_at = excluded.taken_at, data = excluded.data`,
    )
    this.#load = prepared(
      `SELECT version, schema_version, event_id, taken_at, data FROM ${snapshots}
       WHERE stream = $1::text AND version <= $2::bigint AND ($3::integer IS NULL OR schema_version = $3::integer)
       ORDER BY version DESC, schema_version DESC LIMIT 1`,
    )
    const remove = (which: string): Statement =>
      prepared(
        `DELETE FROM ${snapshots} s USING (
           SELECT stream, version, schema_version, taken_at,
             row_number() OVER (PARTITION BY stream ORDER BY version DESC, schema_version DESC) AS place
           FROM ${snapshots} ${which}) AS r
         WHERE s.stream = r.stream AND s.version = r.version AND s.schema_version = r.schema_version
           AND r.place > $1::bigint AND r.taken_at < $2::bigint RETURNING 1`,
      )
    this.#removeOfOne = remove('WHERE stream = $3::text')
    this.#removeOfAll = remove('')
  }

  connect(options?: Abortable): Promise<void> {
    return this.#link.connect(options)
  }

  async save({ stream, version, schemaVersion, eventId, takenAt, data }: StoredSnapshot, { signal }: Abortable = {}): Promise<void> {
    const values = [stream, String(version), schemaVersion, eventId, String(takenAt), Buffer.from(data).toString('base64')]
    await this.#link.write('save a snapshot', (query) => query(this.#save, values), { signal })
  }

  async load(stream: string, { upTo, schemaVersion, signal }: LoadSnapshotOptions = {}): Promise<StoredSnapshot | undefined> {
    const values = [stream, String(upTo ?? Number.MAX_SAFE_INTEGER), schemaVersion ?? null]
    const [row] = await this.#link.read('load a snapshot', (query) => query(this.#load, values), { signal })
    if (row === undefined) return undefined
    const [version, schema, eventId, takenAt, data] = row
    return {
      stream,
      version: Number(version),
      schemaVersion: Number(schema),
      eventId: String(eventId),
      takenAt: Number(takenAt),
      data: data as Uint8Array,
    }
  }

  async remove({ stream, keep = 0, takenBefore = Number.MAX_SAFE_INTEGER, signal }: SnapshotSelection): Promise<number> {
    const values = [String(keep), String(takenBefore)]
    const rows = await this.#link.write(
      'remove snapshots',
      (query) => (stream === undefined ? query(this.#removeOfAll, values) : query(this.#removeOfOne, [...values, stream])),
      { signal },
    )
    return rows.length
  }

  close(): Promise<void> {
    return this.#link.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
