import { prepared } from '../database/statement.js'
import { isPool, type PgPoolLike } from '../postgres-options.js'
import { has, type NamedRow } from './user-database.js'
import { type InboxDatabase, withInbox } from './with-inbox.js'

/** What is used of a client that a pool of `pg` lends out. */
export interface PgClientLike {
  query(
    text: string | { readonly text: string; readonly name: string; readonly values: unknown[] },
    values?: unknown[],
  ): Promise<{ rows: NamedRow[] }>
  release(destroy?: boolean | Error): void
  on?(event: 'error', listener: (error: Error) => void): unknown
  off?(event: 'error', listener: (error: Error) => void): unknown
  /** `I` idle, `T` in a transaction, `E` in one that failed; newer versions have it. */
  getTransactionStatus?(): string | null
}

/** What its pool lends out: the first of the two ways to ask it. */
export type PgClientOf<Pool> = Pool extends { connect: { (): Promise<infer Client>; (callback: infer _): unknown } } ? Client : PgClientLike

export interface PgDatabaseOptions {
  /** Whether statements stay prepared on their connections, default true. Off for a pgbouncer before 1.21 in transaction mode. */
  readonly prepare?: boolean | undefined
}

/** The few statements of this package; whoever asks for others has them parsed each time. */
const mostPrepared = 50

/** Transactions of `pg`: one is a client of the pool on which BEGIN was sent. */
export function pgDatabase<Pool extends PgPoolLike>(
  pool: Pool,
  { prepare = true }: PgDatabaseOptions = {},
): InboxDatabase<PgClientOf<Pool>> {
  const names = new Map<string, string>()
  const nameOf = (text: string): string | undefined => {
    const known = names.get(text)
    if (known !== undefined || !prepare || names.size >= mostPrepared) return known
    const { name = '' } = prepared(text)
    names.set(text, name)
    return name
  }
  return withInbox<PgClientOf<Pool>>({
    async transaction(run) {
      const client = (await pool.connect()) as unknown as PgClientLike
      // A connection that breaks between two answers would end the process.
      client.on?.('error', ignore)
      try {
        await client.query('BEGIN')
        const result = await run(client as PgClientOf<Pool>)
        await client.query('COMMIT')
        client.off?.('error', ignore)
        client.release()
        return result
      } catch (error) {
        const usable = await client.query('ROLLBACK').then(
          () => true,
          () => false,
        )
        client.off?.('error', ignore)
        client.release(!usable)
        throw error
      }
    },
    async query(client, text, values) {
      const name = nameOf(text)
      const asked = client as PgClientLike
      return (await (name === undefined ? asked.query(text, [...values]) : asked.query({ text, name, values: [...values] }))).rows
    },
    refusal(client) {
      if (!has(client, 'query')) return 'has no query()'
      if (isPool(client)) return 'is a Pool, which runs each statement on its own'
      const status = (client as PgClientLike).getTransactionStatus?.()
      return status === 'I' ? 'is a client on which no transaction was begun' : undefined
    },
    client: pool,
  })
}

function ignore(): void {}
