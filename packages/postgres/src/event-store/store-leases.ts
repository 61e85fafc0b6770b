import type { Abortable, ILeaseStore, Lease, LeaseOptions } from '@interline/core'
import { prepared, type Statement } from '../database/statement.js'
import type { StoreLink } from './store-link.js'

/** Leases that end by the server's clock. A row stays when its lease has ended, so that the token grows with every owner. */
export class StoreLeases implements ILeaseStore {
  readonly #link: StoreLink
  readonly #acquire: Statement
  readonly #renew: Statement
  readonly #release: Statement

  constructor(link: StoreLink) {
    this.#link = link
    const { leases } = link.names
    const end = (parameter: string): string => `clock_timestamp() + ${parameter}::bigint * interval '1 millisecond'`
    this.#acquire = prepared(
      `INSERT INTO ${leases} AS l (name, owner, token, ends_at) VALUES ($1::text, $2::text, 1, ${end('$3')})
       ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, ends_at = ${end('$3')},
         token = l.token + CASE WHEN l.owner = excluded.owner AND l.ends_at > clock_timestamp() THEN 0 ELSE 1 END
       WHERE l.owner = excluded.owner OR l.ends_at <= clock_timestamp() RETURNING token`,
    )
    this.#renew = prepared(
      `UPDATE ${leases} SET ends_at = ${end('$3')} WHERE name = $1::text AND token = $2::bigint AND ends_at > clock_timestamp() RETURNING 1`,
    )
    this.#release = prepared(`UPDATE ${leases} SET ends_at = '-infinity' WHERE name = $1::text AND token = $2::bigint`)
  }

  async acquire(name: string, owner: string, { durationMs, signal }: LeaseOptions): Promise<Lease | undefined> {
    const values = [name, owner, String(Math.ceil(durationMs))]
    const [row] = await this.#link.read(`acquire lease "${name}"`, (query) => query(this.#acquire, values), { signal })
    return row && { name, owner, token: Number(row[0]) }
  }

  async renew({ name, token }: Lease, { durationMs, signal }: LeaseOptions): Promise<boolean> {
    const values = [name, String(token), String(Math.ceil(durationMs))]
    const rows = await this.#link.read(`renew lease "${name}"`, (query) => query(this.#renew, values), { signal })
    return rows.length > 0
  }

  async release({ name, token }: Lease, { signal }: Abortable = {}): Promise<void> {
    await this.#link.read(`release lease "${name}"`, (query) => query(this.#release, [name, String(token)]), { signal })
  }
}
