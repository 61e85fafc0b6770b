import type { Abortable, IRateLimiter, Rate } from '@interline/core'
import type { DatabaseLink } from '../database/database-link.js'
import type { Migration } from '../database/migrate.js'
import { prepared, type Statement } from '../database/statement.js'
import { type PostgresStoreOptions, storeLink } from '../store-options.js'
import { TableNames } from '../table-names.js'

class RateNames extends TableNames {
  get rates(): string {
    return this.named('')
  }
}

/** `next_at` is when the next place begins, in microseconds since 1970 by the server's clock. */
const migrations: readonly Migration<RateNames>[] = [
  {
    name: 'rates',
    statements: ({ rates }) => `CREATE TABLE ${rates} (name text COLLATE "C" PRIMARY KEY, next_at bigint NOT NULL) WITH (fillfactor = 50)`,
  },
]

/** Rate limits counted in PostgreSQL, by its clock, over all processes that share the table. One row, and one call for each run. */
export class PostgresRateLimiter implements IRateLimiter, AsyncDisposable {
  readonly #link: DatabaseLink<RateNames>
  readonly #reserve: Statement

  constructor(options: PostgresStoreOptions = {}) {
    this.#link = storeLink(options, {
      part: 'rate limiter',
      path: 'rates.postgres',
      table: 'interline_rates',
      names: (schema, table) => new RateNames(schema, table),
      migrations,
    })
    const { rates } = this.#link.names
    const now = 'floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint'
    const first = `greatest(r.next_at, ${now} - ($3::bigint - 1) * $2::bigint)`
    this.#reserve = prepared(
      `INSERT INTO ${rates} AS r (name, next_at) VALUES ($1::text, ${now} - ($3::bigint - 1) * $2::bigint + $2::bigint)
       ON CONFLICT (name) DO UPDATE SET next_at = ${first} + $2::bigint
       RETURNING greatest(0, next_at - $2::bigint - ${now})`,
    )
  }

  /** An answer that is lost costs a place, and lets nothing run too early. */
  async reserve(name: string, { intervalMs, burst }: Rate, { signal }: Abortable = {}): Promise<number> {
    const values = [name, String(Math.ceil(intervalMs * 1_000)), String(burst)]
    const [row] = await this.#link.write(`reserve a place of the rate "${name}"`, (query) => query(this.#reserve, values), { signal })
    return Number(row?.[0]) / 1_000
  }

  close(): Promise<void> {
    return this.#link.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
