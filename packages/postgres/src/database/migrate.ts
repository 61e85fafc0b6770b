import { ConfigurationError } from '@interline/core'
import type { TableNames } from '../table-names.js'
import type { Database, Query } from './database.js'
import { plain } from './statement.js'

/** One step of a part's schema. What was released never changes: a change is a new step. */
export interface Migration<Names extends TableNames> {
  readonly name: string
  statements(names: Names): string
}

export interface Schema {
  /** Names these very tables: others after they were dropped and made anew. */
  readonly scope: string
  readonly version: number
}

/**
 * Brings a part's schema to the version that this package knows. Each step is a transaction with its own record, so that one that was
 * interrupted has not happened; a lock lets one process at a time do it, and the others then find it done.
 */
export async function migrate<Names extends TableNames>(
  database: Database,
  names: Names,
  steps: readonly Migration<Names>[],
  create: boolean,
): Promise<Schema> {
  let schema = await readSchema(database.query, names)
  for (;;) {
    const version = schema?.version ?? 0
    if (version > steps.length) {
      throw new ConfigurationError(
        `The tables of ${names.schema}.${names.table} are of version ${version}, and this package knows ${steps.length}: a newer one made them. Update @interline/postgres here, too.`,
      )
    }
    if (schema !== undefined && version === steps.length) return schema
    if (!create) {
      throw new ConfigurationError(
        `The tables of ${names.schema}.${names.table} are ${version === 0 ? 'missing' : `of version ${version}, and ${steps.length} is needed`}. Let a user who may create them run migrate(), or set migrate: true.`,
      )
    }
    schema = await database.transaction((query) => step(query, names, steps))
  }
}

async function step<Names extends TableNames>(query: Query, names: Names, steps: readonly Migration<Names>[]): Promise<Schema | undefined> {
  await query(plain('SELECT pg_advisory_xact_lock($1::bigint)::text'), [names.lockKey])
  const schema = await readSchema(query, names)
  const version = schema?.version ?? 0
  const next = steps[version]
  if (next === undefined) return schema
  if (schema === undefined) {
    const [found] = await query(plain('SELECT 1 FROM pg_namespace WHERE nspname = $1'), [names.schema])
    if (found === undefined) await query(plain(`CREATE SCHEMA ${names.quotedSchema}`), [])
    await query(
      plain(`CREATE TABLE ${names.migrations} (
        version integer PRIMARY KEY,
        name text NOT NULL,
        scope uuid NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`),
      [],
    )
  }
  await query({ text: next.statements(names), several: true }, [])
  const record = `INSERT INTO ${names.migrations} (version, name, scope) VALUES ($1, $2, coalesce($3::text::uuid, gen_random_uuid()))`
  await query(plain(record), [version + 1, next.name, schema?.scope ?? null])
  return readSchema(query, names)
}

async function readSchema(query: Query, names: TableNames): Promise<Schema | undefined> {
  // Asked of the catalog itself: what resolves names remembers, within a transaction, that one was not there.
  const there = 'SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2'
  if ((await query(plain(there), [names.schema, `${names.table}_migrations`])).length === 0) return undefined
  const [newest] = await query(plain(`SELECT version, scope::text FROM ${names.migrations} ORDER BY version DESC LIMIT 1`), [])
  return newest === undefined ? undefined : { version: Number(newest[0]), scope: String(newest[1]) }
}
