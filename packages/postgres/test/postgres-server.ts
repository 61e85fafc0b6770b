import type { IEventStore } from '@interline/core'
import { PostgresEventStore, type PostgresEventStoreOptions } from '@interline/postgres'
import { type PrivateStoreServer, startPostgres } from '@interline/testing'
import pg from 'pg'

/** The shared server of the tests. */
export const url: string = process.env.POSTGRES_URL ?? process.env.DATABASE_URL ?? 'postgresql://postgres@127.0.0.1:5432/postgres'

export const schemaOf = (namespace: string): string => namespace.replaceAll('-', '_')

export function storeOf(namespace: string, options: PostgresEventStoreOptions = {}): PostgresEventStore {
  return new PostgresEventStore({ url, schema: schemaOf(namespace), hints: false, maxConnections: 4, ...options })
}

/** Removes everything of a namespace. */
export async function cleanUp(namespace: string, address: string = url): Promise<void> {
  await using client = await plainClient(address)
  await client.sql.query(`DROP SCHEMA IF EXISTS "${schemaOf(namespace)}" CASCADE`)
}

/** A connection as anybody would have it, closed at the end of its scope. */
export async function plainClient(address: string = url): Promise<AsyncDisposable & { readonly sql: pg.Client }> {
  const sql = new pg.Client({ connectionString: address })
  sql.on('error', () => undefined)
  await sql.connect()
  return { sql, [Symbol.asyncDispose]: () => sql.end() }
}

/** A server that a case may kill. */
export async function storeServer(): Promise<PrivateStoreServer<IEventStore>> {
  const server = await startPostgres()
  const timeouts = { appendTimeoutMs: 300, commandTimeoutMs: 300, connectTimeoutMs: 300 }
  return {
    create: (namespace) => storeOf(namespace, { url: server.url, ...timeouts, logger: { warn: () => undefined } }),
    kill: () => server.kill(),
    start: () => server.start(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}
