import type { Client, Pool, PoolClient } from 'pg'
import type { Database, ListenEvents, Listening, OwnQuery, Query, QueryOptions, Row } from './database.js'
import { inTime } from './in-time.js'
import { plain, type Statement, TextList, type Value } from './statement.js'

const rollbackLimitMs = 2_000

export interface PgDatabaseSettings {
  readonly pool: Pool
  /** Whether the pool was made here, and ends here. */
  readonly owned: boolean
  /** Whether statements may be kept prepared on their connections. */
  readonly prepare: boolean
  /** A connection beside the pool, for hints. */
  readonly openListener: (() => Promise<Client | PoolClient>) | undefined
}

/** A server, through a pool of connections. */
export class PgDatabase implements Database {
  readonly concurrent = true
  readonly #settings: PgDatabaseSettings
  readonly #known = new WeakSet<PoolClient>()

  constructor(settings: PgDatabaseSettings) {
    this.#settings = settings
    // Without a listener, an idle connection that the server ends would end the process. The pool replaces it by itself.
    settings.pool.on('error', ignore)
  }

  readonly query: Query = async (statement, values, options) => {
    const client = await this.#lent()
    try {
      const rows = await this.#ask(client, statement, values, options)
      client.release()
      return rows
    } catch (error) {
      client.release(isFatal(error))
      throw error
    }
  }

  async transaction<T>(work: (query: Query, own: OwnQuery) => Promise<T>, options: QueryOptions = {}): Promise<T> {
    const client = await this.#lent()
    try {
      await this.#ask(client, plain('BEGIN ISOLATION LEVEL READ COMMITTED'), [], options)
      const own: OwnQuery = async (text, values) => (await client.query<object>(text, [...values])).rows
      const result = await work((statement, values, options) => this.#ask(client, statement, values, options), own)
      await this.#ask(client, plain('COMMIT'), [], options)
      client.release()
      return result
    } catch (error) {
      await inTime(client.query('ROLLBACK'), rollbackLimitMs).then(
        () => client.release(isFatal(error)),
        () => client.release(true),
      )
      throw error
    }
  }

  get listen(): ((channel: string, events: ListenEvents) => Promise<Listening>) | undefined {
    const { openListener } = this.#settings
    return openListener && ((channel, events) => listenOn(openListener, channel, events))
  }

  async close(): Promise<void> {
    if (this.#settings.owned) await this.#settings.pool.end()
    else this.#settings.pool.removeListener('error', ignore)
  }

  /** A connection that was lent out has no listener of the pool, and one that breaks between two answers would end the process. */
  async #lent(): Promise<PoolClient> {
    const client = await this.#settings.pool.connect()
    if (!this.#known.has(client)) {
      this.#known.add(client)
      client.on('error', ignore)
    }
    return client
  }

  async #ask(
    client: PoolClient,
    statement: Statement,
    values: readonly Value[],
    { timeoutMs }: QueryOptions = {},
  ): Promise<readonly Row[]> {
    if (statement.several === true) {
      await client.query(statement.text)
      return []
    }
    const { text, name } = statement
    const query = { text, values: values.map((value) => (value instanceof TextList ? value.toBinary() : value)), rowMode: 'array' as const }
    const answer = client.query<Row & unknown[]>(this.#settings.prepare && name !== undefined ? { ...query, name } : query)
    const { rows } = await (timeoutMs === undefined ? answer : inTime(answer, timeoutMs))
    return rows
  }
}

/** Whether a connection is not to be used again: every error that is not the server's answer. */
function isFatal(error: unknown): boolean {
  const severity = (error as { readonly severity?: unknown }).severity
  return severity === undefined || severity === 'FATAL' || severity === 'PANIC'
}

async function listenOn(open: () => Promise<Client | PoolClient>, channel: string, events: ListenEvents): Promise<Listening> {
  const client = await open()
  let stopped = false
  const lost = (error?: Error): void => {
    if (stopped) return
    stopped = true
    void end(client)
    events.lost(error ?? new Error('the connection ended'))
  }
  client.on('error', lost)
  client.on('end', lost)
  client.on('notification', () => events.notified())
  try {
    await client.query(`LISTEN "${channel}"`)
  } catch (error) {
    stopped = true
    await end(client)
    throw error
  }
  return {
    async check(timeoutMs) {
      const { rows } = await inTime(client.query('SELECT pg_listening_channels()'), timeoutMs)
      if (rows.length === 0) throw new Error('the connection listens no more')
    },
    stop() {
      stopped = true
      return end(client)
    },
  }
}

/** A connection of its own ends; one of a pool is given up, so that it is not lent out while it listens. */
async function end(client: Client | PoolClient): Promise<void> {
  if ('release' in client) client.release(true)
  else await client.end().catch(ignore)
}

function ignore(): void {}
