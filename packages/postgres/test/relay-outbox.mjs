import { pgDatabase, postgresOutbox } from '@interline/postgres'
import pg from 'pg'

/** The outbox of a relay's process: the same as the suite's. */
export function createOutbox(namespace, url) {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  return postgresOutbox(pgDatabase(pool), { schema: namespace.replaceAll('-', '_'), leaseMs: 1_500, logger: { warn: () => undefined } })
}
