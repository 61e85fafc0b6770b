import { randomUUID } from 'node:crypto'
import type {
  Abortable,
  ClaimedSaga,
  DueSagas,
  ISagaStore,
  SagaChange,
  SagaFilter,
  SagaLease,
  SagaList,
  SagaPage,
  SagaRecord,
  SagaStatus,
  SaveSagaOptions,
} from '@interline/core'
import type { Row } from '../database/database.js'
import type { DatabaseLink } from '../database/database-link.js'
import { textArray } from '../database/statement.js'
import { type PostgresStoreOptions, storeLink } from '../store-options.js'
import { SagaNames, sagaMigrations } from './saga-schema.js'
import { SagaStatements } from './saga-statements.js'

const defaultLimit = 100

/** Sagas as rows in PostgreSQL, or in a PGlite inside this process. A step that is stored costs one round trip. */
export class PostgresSagaStore implements ISagaStore, AsyncDisposable {
  readonly #link: DatabaseLink<SagaNames>
  readonly #statements: SagaStatements

  constructor(options: PostgresStoreOptions = {}) {
    this.#link = storeLink(options, {
      part: 'saga store',
      path: 'sagas.postgres',
      table: 'interline_sagas',
      names: (schema, table) => new SagaNames(schema, table),
      migrations: sagaMigrations,
    })
    this.#statements = new SagaStatements(this.#link.names)
  }

  connect(options?: Abortable): Promise<void> {
    return this.#link.connect(options)
  }

  async create(type: string, id: string, change: SagaChange, { leaseMs, signal }: SagaLease): Promise<ClaimedSaga | undefined> {
    const write = randomUUID()
    const values = [type, id, change.status, bigint(change.dueAt), String(leaseMs), write, change.body]
    const [row] = await this.#link.write(
      `create saga ${type} ${id}`,
      async (query, again) => {
        const rows = await query(this.#statements.create, values)
        // The answer of an earlier try was lost: it may have been this very write.
        return rows.length > 0 || !again ? rows : query(this.#statements.written, [type, id, write])
      },
      { signal },
    )
    return row && claimedOf(row)
  }

  async load(type: string, id: string, { signal }: Abortable = {}): Promise<SagaRecord | undefined> {
    const [row] = await this.#link.read(`load saga ${type} ${id}`, (query) => query(this.#statements.load, [type, id]), { signal })
    return row && recordOf(row)
  }

  async claim(type: string, id: string, { leaseMs, signal }: SagaLease): Promise<ClaimedSaga | 'busy' | undefined> {
    const write = randomUUID()
    return this.#link.write(
      `claim saga ${type} ${id}`,
      async (query) => {
        const [row] = await query(this.#statements.claim, [type, id, String(leaseMs), write])
        if (row !== undefined) return claimedOf(row)
        const [found] = await query(this.#statements.written, [type, id, write])
        if (found !== undefined) return claimedOf(found)
        return (await query(this.#statements.load, [type, id])).length > 0 ? 'busy' : undefined
      },
      { signal },
    )
  }

  /** An answer that is lost leaves what it claimed until the lease ends. */
  async claimDue(types: readonly string[], { leaseMs, limit, signal }: SagaLease & { readonly limit: number }): Promise<DueSagas> {
    if (types.length === 0) return { claimed: [], nextInMs: undefined }
    const values = [textArray(types), String(limit), String(leaseMs), randomUUID()]
    const rows = await this.#link.read('claim due sagas', (query) => query(this.#statements.claimDue, values), { signal })
    const claimed = [...rows].sort((left, right) => Number(left[10]) - Number(right[10])).map(claimedOf)
    if (claimed.length === limit) return { claimed, nextInMs: 0 }
    const [next] = await this.#link.read('look when a saga is due', (query) => query(this.#statements.next, [textArray(types)]), { signal })
    return { claimed, nextInMs: next?.[0] === null || next === undefined ? undefined : Math.max(0, Number(next[0])) }
  }

  async save(
    { type, id, revision }: SagaRecord,
    change: SagaChange,
    { leaseMs, signal }: SaveSagaOptions,
  ): Promise<SagaRecord | undefined> {
    const write = randomUUID()
    const lease = leaseMs === undefined ? null : String(leaseMs)
    const values = [type, id, String(revision), change.status, bigint(change.dueAt), lease, write, change.body]
    const [row] = await this.#link.write(
      `save saga ${type} ${id}`,
      async (query, again) => {
        const rows = await query(this.#statements.save, values)
        return rows.length > 0 || !again ? rows : query(this.#statements.written, [type, id, write])
      },
      { signal },
    )
    return row && recordOf(row)
  }

  async renew({ type, id, revision }: SagaRecord, { leaseMs, signal }: SagaLease): Promise<boolean> {
    const values = [type, id, String(revision), String(leaseMs)]
    const rows = await this.#link.read(`renew the lease of saga ${type} ${id}`, (query) => query(this.#statements.renew, values), {
      signal,
    })
    return rows.length > 0
  }

  async list({ type, status }: SagaFilter = {}, { limit = defaultLimit, after, signal }: SagaPage = {}): Promise<SagaList> {
    const values = [type ?? null, status ?? null, after ?? '0', String(limit + 1)]
    const rows = await this.#link.read('list sagas', (query) => query(this.#statements.list, values), { signal })
    const page = rows.slice(0, limit)
    return { sagas: page.map(recordOf), next: rows.length > limit ? String(page.at(-1)?.[11]) : undefined }
  }

  async count({ type, status }: SagaFilter = {}, { signal }: Abortable = {}): Promise<number> {
    const values = [type ?? null, status ?? null]
    const [row] = await this.#link.read('count sagas', (query) => query(this.#statements.count, values), { signal })
    return Number(row?.[0])
  }

  async removeEnded(before: Date, { signal }: Abortable = {}): Promise<number> {
    const values = [String(before.getTime())]
    const [row] = await this.#link.write('remove ended sagas', (query) => query(this.#statements.removeEnded, values), { signal })
    return Number(row?.[0])
  }

  close(): Promise<void> {
    return this.#link.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function bigint(value: number | undefined): string | null {
  return value === undefined ? null : String(Math.ceil(value))
}

function recordOf([type, id, status, revision, dueAt, createdAt, updatedAt, body]: Row): SagaRecord {
  return {
    type: String(type),
    id: String(id),
    status: status as SagaStatus,
    revision: Number(revision),
    dueAt: dueAt === null ? undefined : Number(dueAt),
    createdAt: Number(createdAt),
    updatedAt: Number(updatedAt),
    body: String(body),
  }
}

function claimedOf(row: Row): ClaimedSaga {
  return { record: recordOf(row), now: Number(row[8]), lapsed: row[9] === true }
}
