import {
  type PGliteLike,
  type PgPoolLike,
  PostgresOperationStore,
  pgDatabase,
  pgliteDatabase,
  postgresOutbox,
  type SqlValue,
  type UserDatabase,
} from '@interline/postgres'
import { type AnyEvent, type Idempotent, type IOutbox, idempotentOperations } from 'interline'
import type { PostgresChoice } from '../../places/choices.js'
import { carriage } from './events/event-bus.js'
import { tables } from './tables.js'

export type Query = <Row>(text: string, values?: readonly SqlValue[]) => Promise<readonly Row[]>

export interface RewardsTransaction {
  readonly query: Query
  /** Published when the transaction has committed, whatever becomes of this process. */
  publish(events: readonly AnyEvent[]): Promise<void>
}

/** Everything that one PostgreSQL keeps for the wallets. */
export interface RewardsDatabase extends AsyncDisposable {
  readonly query: Query
  /** Relays what transactions published; given to the bus. */
  readonly outbox: IOutbox
  readonly idempotent: Idempotent
  transaction<T>(work: (transaction: RewardsTransaction) => Promise<T>): Promise<T>
}

export interface DatabaseOptions {
  /** After so long the work of a process that died is another's. */
  readonly leaseMs?: number | undefined
}

const mostConnections = 10

/** A schema on a server, or a PGlite in this process. */
export async function openDatabase(place: PostgresChoice['postgres'], options: DatabaseOptions = {}): Promise<RewardsDatabase> {
  if ('dataDir' in place) {
    const { PGlite } = await import('@electric-sql/pglite')
    const client = await PGlite.create(place.dataDir)
    return withTables({ client, schema: 'public', user: pgliteDatabase(client), close: () => client.close() }, options)
  }
  const { Pool } = (await import('pg')).default
  const { url, schema } = place
  const client = new Pool({ connectionString: url, max: mostConnections, options: `-c search_path="${schema}"` })
  // every failure also rejects the query that met it
  client.on('error', () => undefined)
  await client.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`)
  return withTables({ client, schema, user: pgDatabase(client), close: () => client.end() }, options)
}

interface Opened<Transaction> {
  readonly client: (PgPoolLike | PGliteLike) & { query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }> }
  readonly schema: string
  readonly user: UserDatabase<Transaction>
  close(): Promise<void>
}

async function withTables<Transaction>(
  { client, schema, user, close }: Opened<Transaction>,
  { leaseMs }: DatabaseOptions,
): Promise<RewardsDatabase> {
  const outbox = postgresOutbox(user, { ...carriage, schema, leaseMs })
  const operations = new PostgresOperationStore({ client, schema })
  const query: Query = async <Row>(text: string, values: readonly SqlValue[] = []) => (await client.query(text, [...values])).rows as Row[]
  for (const table of tables) await query(table)
  // an operation may come before the bus that relays its events
  await outbox.connect()
  return {
    query,
    outbox,
    idempotent: idempotentOperations(operations, { leaseMs }),
    transaction: (work) =>
      user.transaction((transaction) =>
        work({
          query: async <Row>(text: string, values: readonly SqlValue[] = []) =>
            (await user.query(transaction, text, values)) as readonly Row[],
          publish: (events) => outbox.add(transaction, events),
        }),
      ),
    async [Symbol.asyncDispose]() {
      await outbox.close()
      await operations.close()
      await close()
    },
  }
}
