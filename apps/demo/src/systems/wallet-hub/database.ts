import { PGlite } from '@electric-sql/pglite'
import { drizzleDatabase, type PostgresInbox, type PostgresOutbox, postgresInbox } from '@interline/postgres'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'
import { drizzle as drizzleOnPGlite } from 'drizzle-orm/pglite'
import type { ComponentHealth } from 'interline'
import pg from 'pg'
import type { PostgresChoice } from '../../places/choices.js'

export type Drizzle = PgDatabase<PgQueryResultHKT>
export type Transaction = Parameters<Parameters<Drizzle['transaction']>[0]>[0]
export type Outbox = PostgresOutbox<Transaction>

const mostConnections = 8
const slowMs = 500

/** A database by Drizzle, on a server or embedded, whose tables have a schema of their own. */
export class Database implements AsyncDisposable {
  readonly client: pg.Pool | PGlite
  readonly schema: string
  readonly drizzle: Drizzle
  /** What an outbox and an inbox take part in. */
  readonly transactions: ReturnType<typeof drizzleDatabase<Drizzle>>
  readonly inbox: PostgresInbox<Transaction>

  private constructor({ postgres }: PostgresChoice) {
    if ('url' in postgres) {
      const { url, schema } = postgres
      this.schema = schema
      this.client = new pg.Pool({ connectionString: url, max: mostConnections, options: `-c search_path=${schema}` })
      // each failure rejects the query that met it, or is of a connection that nobody used
      this.client.on('error', () => undefined)
      this.drizzle = drizzle(this.client)
    } else {
      this.schema = 'public'
      this.client = new PGlite(postgres.dataDir)
      this.drizzle = drizzleOnPGlite(this.client)
    }
    this.transactions = drizzleDatabase(this.drizzle)
    this.inbox = postgresInbox(this.transactions, { schema: this.schema })
  }

  static async open(choice: PostgresChoice): Promise<Database> {
    const database = new Database(choice)
    try {
      // makes the schema, too
      await database.inbox.connect()
    } catch (thrown) {
      await database[Symbol.asyncDispose]()
      throw thrown
    }
    return database
  }

  /** One after the other: statements that make what is missing. */
  async make(statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.drizzle.execute(sql.raw(statement))
  }

  /** What a person asks first: whether connections are left, how long an answer takes, and who waits for whom. */
  get checks(): Readonly<Record<string, () => Promise<ComponentHealth>>> {
    return { 'postgres:pool': () => this.#pool(), 'postgres:query-time': () => this.#queryTime(), 'postgres:locks': () => this.#locks() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (this.client instanceof PGlite ? this.client.close() : this.client.end())
  }

  async #pool(): Promise<ComponentHealth> {
    const { totalCount = 1, waitingCount = 0 } = this.client as Partial<pg.Pool>
    const observed = { observedValue: totalCount, observedUnit: 'connections' }
    return waitingCount <= mostConnections
      ? { status: 'pass', ...observed }
      : { status: 'warn', output: `${waitingCount} wait for one.`, ...observed }
  }

  async #queryTime(): Promise<ComponentHealth> {
    const began = performance.now()
    await this.drizzle.execute(sql`SELECT 1`)
    const tookMs = performance.now() - began
    return { status: tookMs > slowMs ? 'warn' : 'pass', observedValue: tookMs, observedUnit: 'ms' }
  }

  async #locks(): Promise<ComponentHealth> {
    const [row] = await this.rows<{ count: number }>(sql`SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted`)
    return { status: 'pass', observedValue: row?.count ?? 0, observedUnit: 'locks that are waited for' }
  }

  async rows<Row>(query: Parameters<Drizzle['execute']>[0]): Promise<readonly Row[]> {
    return ((await this.drizzle.execute(query)) as unknown as { readonly rows: readonly Row[] }).rows
  }
}
