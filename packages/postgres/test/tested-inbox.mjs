import { pgDatabase, postgresInbox } from '@interline/postgres'
import pg from 'pg'

/** An inbox on the real server, and a table of effects beside it: for the suite, and for its processes. */
export function createInbox(namespace, url) {
  const schema = namespace.replaceAll('-', '_')
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  const database = pgDatabase(pool)
  const inbox = postgresInbox(database, { schema })
  return {
    inbox,
    effect: async (client, n) => void (await client.query(`INSERT INTO "${schema}".effects VALUES ($1)`, [n])),
    effects: async () => (await pool.query(`SELECT n FROM "${schema}".effects`)).rows.map(({ n }) => n),
    async connect() {
      await inbox.connect()
      await pool.query(`SELECT pg_advisory_xact_lock(5); CREATE TABLE IF NOT EXISTS "${schema}".effects (n int)`)
    },
    close: () => pool.end(),
  }
}
