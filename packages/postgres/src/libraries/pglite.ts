import type { PGliteLike } from '../database/pglite-database.js'
import { has, type NamedRow } from './user-database.js'
import { type InboxDatabase, withInbox } from './with-inbox.js'

/** What is used of a transaction of PGlite. */
export interface PGliteTransactionLike {
  query<Found>(text: string, values?: unknown[]): Promise<{ rows: Found[] }>
  readonly closed: boolean
}

/** What is used of a PGlite whose transactions are the user's own. */
export interface PGliteTransactions<Transaction> {
  transaction<T>(run: (transaction: Transaction) => Promise<T>): Promise<T>
}

type TransactionOf<Client> = Client extends { transaction(run: (transaction: infer Transaction) => infer _): infer _ } ? Transaction : never

/** Transactions of a PGlite. */
export function pgliteDatabase<Client extends PGliteLike>(client: Client): InboxDatabase<TransactionOf<Client> & PGliteTransactionLike> {
  type Transaction = TransactionOf<Client> & PGliteTransactionLike
  return withInbox<Transaction>({
    transaction: (run) => (client as unknown as PGliteTransactions<Transaction>).transaction(run),
    async query(transaction, text, values) {
      return (await transaction.query<NamedRow>(text, [...values])).rows
    },
    refusal(transaction) {
      if (has(transaction, 'query', 'close')) return 'is a PGlite, which waits for its own transactions'
      if (!has(transaction, 'query', 'rollback')) return 'has no query()'
      return (transaction as PGliteTransactionLike).closed ? 'has ended' : undefined
    },
    client,
  })
}
