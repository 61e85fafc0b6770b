import { PostgresEventStore } from '@interline/postgres'

/** The store of a worker process: the same as the suite's. */
export function createStore(namespace) {
  const url = process.env.POSTGRES_URL ?? process.env.DATABASE_URL ?? 'postgresql://postgres@127.0.0.1:5432/postgres'
  return new PostgresEventStore({ url, schema: namespace.replaceAll('-', '_'), hints: false, maxConnections: 4 })
}
