import type { Abortable, IOperationStore, OperationClaim, OperationEnd, OperationState } from '@interline/core'
import type { DatabaseLink } from '../database/database-link.js'
import type { Migration } from '../database/migrate.js'
import { prepared, type Statement } from '../database/statement.js'
import { Forgetting } from '../forgetting.js'
import { type PostgresStoreOptions, storeLink } from '../store-options.js'
import { KeyedNames, shortKey } from './keyed-names.js'

const migrations: readonly Migration<KeyedNames>[] = [
  {
    name: 'operations',
    statements: (names) => `
CREATE TABLE ${names.keys} (
  key text COLLATE "C" PRIMARY KEY,
  fingerprint text COLLATE "C" NOT NULL,
  owner text COLLATE "C" NOT NULL,
  outcome text COLLATE "C",
  until timestamptz NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX ${names.index('until')} ON ${names.keys} USING brin (until) WITH (pages_per_range = 16, autosummarize = on);
`,
  },
]

/** Operations that may be asked for more than once, a row for each. */
export class PostgresOperationStore implements IOperationStore {
  readonly #link: DatabaseLink<KeyedNames>
  readonly #forgetting: Forgetting
  readonly #begin: Statement
  readonly #look: Statement
  readonly #renew: Statement
  readonly #complete: Statement
  readonly #release: Statement

  constructor(options: PostgresStoreOptions = {}) {
    this.#link = storeLink(options, {
      part: 'operation store',
      path: 'operations.postgres',
      table: 'interline_operations',
      names: (schema, table) => new KeyedNames(schema, table),
      migrations,
    })
    const { keys } = this.#link.names
    this.#forgetting = new Forgetting(this.#link, keys)
    const end = (parameter: string): string => `clock_timestamp() + ${parameter}::text::bigint * interval '1 millisecond'`
    const mine = 'key = $1::text AND owner = $2::text AND until > clock_timestamp()'
    this.#begin = prepared(
      `INSERT INTO ${keys} AS k (key, owner, fingerprint, until) VALUES ($1::text, $2::text, $3::text, ${end('$4')})
       ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, fingerprint = excluded.fingerprint, outcome = NULL, until = excluded.until
         WHERE k.until <= clock_timestamp() OR (k.owner = excluded.owner AND k.fingerprint = excluded.fingerprint AND k.outcome IS NULL)
       RETURNING 1`,
    )
    this.#look = prepared(`SELECT fingerprint, outcome FROM ${keys} WHERE key = $1::text AND until > clock_timestamp()`)
    this.#renew = prepared(`UPDATE ${keys} SET until = ${end('$3')} WHERE ${mine} AND outcome IS NULL RETURNING 1`)
    this.#complete = prepared(
      `UPDATE ${keys} SET outcome = $3::text, until = ${end('$4')} WHERE ${mine} AND coalesce(outcome, $3::text) = $3::text RETURNING 1`,
    )
    this.#release = prepared(`DELETE FROM ${keys} WHERE ${mine} AND outcome IS NULL`)
  }

  connect(options?: Abortable): Promise<void> {
    return this.#link.connect(options)
  }

  async begin(key: string, { owner, fingerprint, leaseMs }: OperationClaim, { signal }: Abortable = {}): Promise<OperationState> {
    this.#forgetting.inTime()
    const values = [shortKey(key), owner, fingerprint, String(Math.ceil(leaseMs))]
    const begun = await this.#link.write('begin an operation', (query) => query(this.#begin, values), { signal })
    if (begun.length > 0) return { kind: 'begun' }
    const [known] = await this.#link.read('look for an operation', (query) => query(this.#look, [shortKey(key)]), { signal })
    // One that has ended in between is begun by the next try.
    if (known === undefined) return { kind: 'busy' }
    const [first, outcome] = known as [string, string | null]
    if (first !== fingerprint) return { kind: 'other' }
    return outcome === null ? { kind: 'busy' } : { kind: 'done', outcome }
  }

  renew(key: string, { owner, leaseMs }: Pick<OperationClaim, 'owner' | 'leaseMs'>, options?: Abortable): Promise<boolean> {
    return this.#changed('renew the lease of an operation', this.#renew, [shortKey(key), owner, String(Math.ceil(leaseMs))], options)
  }

  complete(key: string, { owner, outcome, ttlMs }: OperationEnd, options?: Abortable): Promise<boolean> {
    return this.#changed(
      'keep the result of an operation',
      this.#complete,
      [shortKey(key), owner, outcome, String(Math.ceil(ttlMs))],
      options,
    )
  }

  async release(key: string, owner: string, options?: Abortable): Promise<void> {
    await this.#changed('release an operation', this.#release, [shortKey(key), owner], options)
  }

  /** Removes now what is past its time; otherwise that is done from time to time. Answers how much it was. */
  cleanUp(): Promise<number> {
    return this.#forgetting.now()
  }

  async close(): Promise<void> {
    await this.#forgetting.ended()
    await this.#link.close()
  }

  async #changed(what: string, statement: Statement, values: readonly string[], { signal }: Abortable = {}): Promise<boolean> {
    return (await this.#link.write(what, (query) => query(statement, values), { signal })).length > 0
  }
}
