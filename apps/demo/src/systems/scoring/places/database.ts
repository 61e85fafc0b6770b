import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import type { PostgresChoice } from '../../../places/choices.js'

/** PostgreSQL, on a server or in this process. */
export interface Database extends AsyncDisposable {
  /** For the stores, which leave it open. */
  readonly client: pg.Pool | PGlite
  readonly schema: string | undefined
  query<Row>(text: string, values?: unknown[]): Promise<readonly Row[]>
}

export async function openDatabase({ postgres: place }: PostgresChoice, maxConnections: number | undefined): Promise<Database> {
  if ('dataDir' in place) {
    const client = await PGlite.create(place.dataDir)
    return {
      client,
      schema: undefined,
      query: async <Row>(text: string, values: unknown[] = []) => (await client.query<Row>(text, values)).rows,
      [Symbol.asyncDispose]: () => client.close(),
    }
  }
  const { url, schema } = place
  const client = new pg.Pool({ connectionString: url, max: maxConnections, options: `-c search_path=${schema}` })
  // every failure also rejects the command that met it
  client.on('error', () => undefined)
  await client.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`)
  return {
    client,
    schema,
    query: async <Row>(text: string, values: unknown[] = []) => (await client.query(text, values)).rows as Row[],
    [Symbol.asyncDispose]: () => client.end(),
  }
}
