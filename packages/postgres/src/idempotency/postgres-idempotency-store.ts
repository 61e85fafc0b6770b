import type { Abortable, Claim, ClaimOptions, ClaimResult, CompleteOptions, IIdempotencyStore } from '@interline/core'
import type { DatabaseLink } from '../database/database-link.js'
import type { Migration } from '../database/migrate.js'
import { prepared, type Statement, TextList } from '../database/statement.js'
import { Forgetting } from '../forgetting.js'
import { type PostgresStoreOptions, storeLink } from '../store-options.js'
import { KeyedNames, shortKey } from './keyed-names.js'

const migrations: readonly Migration<KeyedNames>[] = [
  {
    name: 'idempotency',
    statements: (names) => `
CREATE TABLE ${names.keys} (
  key text COLLATE "C" PRIMARY KEY,
  owner text COLLATE "C",
  until timestamptz NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX ${names.index('until')} ON ${names.keys} USING brin (until) WITH (pages_per_range = 16, autosummarize = on);

COMMENT ON COLUMN ${names.keys}.owner IS 'Who is at it; null where it was handled';
`,
  },
]

/** What was handled, for all processes that share the table. A batch is one call, and times are the server's. */
export class PostgresIdempotencyStore implements IIdempotencyStore {
  readonly #link: DatabaseLink<KeyedNames>
  readonly #forgetting: Forgetting
  readonly #claim: Statement
  readonly #known: Statement
  readonly #renew: Statement
  readonly #complete: Statement
  readonly #release: Statement
  readonly #size: Statement

  constructor(options: PostgresStoreOptions = {}) {
    this.#link = storeLink(options, {
      part: 'idempotency store',
      path: 'idempotency.postgres',
      table: 'interline_idempotency',
      names: (schema, table) => new KeyedNames(schema, table),
      migrations,
    })
    const { keys } = this.#link.names
    this.#forgetting = new Forgetting(this.#link, keys)
    const end = (parameter: string): string => `clock_timestamp() + ${parameter}::text::bigint * interval '1 millisecond'`
    const given = `unnest($1::text[], $2::text[]) AS g (key, owner)`
    // In the order of the keys, so that no two batches wait for each other.
    this.#claim = prepared(
      `INSERT INTO ${keys} AS k (key, owner, until) SELECT g.key, g.owner, ${end('$3')} FROM ${given} ORDER BY g.key
       ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, until = excluded.until
         WHERE k.until <= clock_timestamp() OR k.owner = excluded.owner
       RETURNING key`,
    )
    this.#known = prepared(`SELECT key FROM ${keys} WHERE key = ANY ($1::text[]) AND owner IS NULL AND until > clock_timestamp()`)
    this.#renew = prepared(
      `UPDATE ${keys} k SET until = ${end('$3')} FROM ${given} WHERE k.key = g.key AND k.owner = g.owner AND k.until > clock_timestamp()`,
    )
    this.#complete = prepared(
      `INSERT INTO ${keys} AS k (key, until) SELECT g, ${end('$2')} FROM unnest($1::text[]) g ORDER BY g
       ON CONFLICT (key) DO UPDATE SET owner = NULL, until = excluded.until`,
    )
    this.#release = prepared(`DELETE FROM ${keys} k USING ${given} WHERE k.key = g.key AND k.owner = g.owner`)
    this.#size = prepared(`SELECT count(*) AS count FROM ${keys} WHERE until > clock_timestamp()`)
  }

  connect(options?: Abortable): Promise<void> {
    return this.#link.connect(options)
  }

  async claim(claims: readonly Claim[], { leaseMs, signal }: ClaimOptions): Promise<readonly ClaimResult[]> {
    if (claims.length === 0) return []
    this.#forgetting.inTime()
    // Of one key in a batch the first owner asks; another owner of the same is behind it.
    const first = new Map<string, string>()
    for (const { key, owner } of claims) if (!first.has(shortKey(key))) first.set(shortKey(key), owner)
    const values = [new TextList([...first.keys()]), new TextList([...first.values()]), String(Math.ceil(leaseMs))]
    const rows = await this.#link.write('claim events', (query) => query(this.#claim, values), { signal })
    const claimed = new Set(rows.map(([key]) => String(key)))
    const left = [...first.keys()].filter((key) => !claimed.has(key))
    const done = left.length === 0 ? new Set<string>() : await this.#done(left, signal)
    return claims.map(({ key, owner }) => {
      const name = shortKey(key)
      if (claimed.has(name)) return first.get(name) === owner ? 'claimed' : 'busy'
      return done.has(name) ? 'done' : 'busy'
    })
  }

  async renew(claims: readonly Claim[], { leaseMs, signal }: ClaimOptions): Promise<void> {
    if (claims.length === 0) return
    await this.#link.write('renew claims', (query) => query(this.#renew, [...lists(claims), String(Math.ceil(leaseMs))]), { signal })
  }

  async complete(claims: readonly Claim[], { ttlMs, signal }: CompleteOptions): Promise<void> {
    if (claims.length === 0) return
    const keys = new TextList([...new Set(claims.map(({ key }) => shortKey(key)))])
    await this.#link.write('remember handled events', (query) => query(this.#complete, [keys, String(Math.ceil(ttlMs))]), { signal })
  }

  async release(claims: readonly Claim[], { signal }: Abortable = {}): Promise<void> {
    if (claims.length === 0) return
    await this.#link.write('release claims', (query) => query(this.#release, lists(claims)), { signal })
  }

  async size({ signal }: Abortable = {}): Promise<number> {
    const [row] = await this.#link.read('count handled events', (query) => query(this.#size, []), { signal })
    return Number(row?.[0])
  }

  /** Removes now what is past its time; otherwise that is done from time to time. Answers how much it was. */
  cleanUp(): Promise<number> {
    return this.#forgetting.now()
  }

  async close(): Promise<void> {
    await this.#forgetting.ended()
    await this.#link.close()
  }

  async #done(keys: readonly string[], signal: AbortSignal | undefined): Promise<ReadonlySet<string>> {
    const rows = await this.#link.read('look for handled events', (query) => query(this.#known, [new TextList(keys)]), { signal })
    return new Set(rows.map(([key]) => String(key)))
  }
}

function lists(claims: readonly Claim[]): [TextList, TextList] {
  return [new TextList(claims.map(({ key }) => shortKey(key))), new TextList(claims.map(({ owner }) => owner))]
}
