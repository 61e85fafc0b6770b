import { randomUUID } from 'node:crypto'
import type { PGlite, Transaction } from '@electric-sql/pglite'
import { type PostgresOutbox, type PostgresOutboxOptions, pgDatabase, pgliteDatabase, postgresOutbox } from '@interline/postgres'
import type { TestedOutbox } from '@interline/testing'
import pg from 'pg'
import { url } from '../postgres-server.js'

/** Short enough for a test to see the end of a lease and of all attempts. */
export const quick = { leaseMs: 1_500, retry: { maxAttempts: 4, delayMs: 20, maxDelayMs: 300 } } as const

export function schemaOf(namespace: string): string {
  return namespace.replaceAll('-', '_')
}

export function newSchema(): string {
  return `test_${randomUUID().replaceAll('-', '_').slice(0, 30)}`
}

/** An outbox on the real server, and a table of business rows beside it. */
export class PgOutbox implements TestedOutbox {
  readonly outbox: PostgresOutbox<pg.PoolClient>
  readonly #pool: pg.Pool
  readonly #schema: string

  constructor(namespace: string, options: PostgresOutboxOptions = {}) {
    this.#schema = schemaOf(namespace)
    this.#pool = new pg.Pool({ connectionString: url, max: 8 })
    this.outbox = postgresOutbox(pgDatabase(this.#pool), { schema: this.#schema, logger: { warn: () => undefined }, ...quick, ...options })
  }

  async connect(): Promise<void> {
    await this.outbox.connect()
    // Two at once would both find that it is not there.
    await this.#pool.query(`SELECT pg_advisory_xact_lock(5); CREATE TABLE IF NOT EXISTS "${this.#schema}".business (name text)`)
  }

  readonly transaction: TestedOutbox['transaction'] = (work) =>
    this.outbox.transaction((client) =>
      work({
        add: (events) => this.outbox.add(client, events),
        write: async (row) => void (await client.query(`INSERT INTO "${this.#schema}".business VALUES ($1)`, [row])),
      }),
    )

  async rows(): Promise<readonly string[]> {
    return (await this.#pool.query<{ name: string }>(`SELECT name FROM "${this.#schema}".business`)).rows.map(({ name }) => name)
  }

  state(): ReturnType<TestedOutbox['state']> {
    return this.outbox.getMetrics()
  }

  async close(): Promise<void> {
    await this.outbox.close()
    await this.#pool.end()
  }
}

/** The same in a PGlite that several cases share. */
export class EmbeddedOutbox implements TestedOutbox {
  readonly outbox: PostgresOutbox<Transaction>
  readonly #client: PGlite
  readonly #business: string

  constructor(client: PGlite, namespace: string) {
    const schema = schemaOf(namespace)
    this.#client = client
    this.#business = `"${schema}".business`
    this.outbox = postgresOutbox(pgliteDatabase(client), { schema, logger: { warn: () => undefined }, ...quick })
  }

  async connect(): Promise<void> {
    await this.outbox.connect()
    await this.#client.exec(`CREATE TABLE IF NOT EXISTS ${this.#business} (name text)`)
  }

  readonly transaction: TestedOutbox['transaction'] = (work) =>
    this.outbox.transaction((transaction) =>
      work({
        add: (events) => this.outbox.add(transaction, events),
        write: async (row) => void (await transaction.query(`INSERT INTO ${this.#business} VALUES ($1)`, [row])),
      }),
    )

  async rows(): Promise<readonly string[]> {
    return (await this.#client.query<{ name: string }>(`SELECT name FROM ${this.#business}`)).rows.map(({ name }) => name)
  }

  state(): ReturnType<TestedOutbox['state']> {
    return this.outbox.getMetrics()
  }

  close(): Promise<void> {
    return this.outbox.close()
  }
}
