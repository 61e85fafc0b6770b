import { has, type NamedRow } from './user-database.js'
import { type InboxDatabase, withInbox } from './with-inbox.js'

/** What is used of a Kysely. */
export interface KyselyLike {
  // biome-ignore lint/suspicious/noExplicitAny: its types depend on the user's schema
  transaction(): { execute(run: (transaction: any) => Promise<any>): Promise<any> }
}

interface KyselyTransactionLike {
  readonly isTransaction: boolean
  executeQuery(query: unknown): Promise<{ rows: NamedRow[] }>
}

type TransactionOf<Database extends KyselyLike> = Parameters<Parameters<ReturnType<Database['transaction']>['execute']>[0]>[0]

/** Transactions of Kysely. */
export function kyselyDatabase<Database extends KyselyLike>(database: Database): InboxDatabase<TransactionOf<Database>> {
  return withInbox<TransactionOf<Database>>({
    transaction: (run) => database.transaction().execute(run),
    async query(transaction, text, values) {
      const query = { kind: 'RawNode', sqlFragments: [text], parameters: [] }
      const compiled = { sql: text, parameters: [...values], query, queryId: { queryId: 'interline' } }
      return (await (transaction as KyselyTransactionLike).executeQuery(compiled)).rows
    },
    refusal(transaction) {
      if (!has(transaction, 'executeQuery')) return 'has no executeQuery()'
      return (transaction as KyselyTransactionLike).isTransaction
        ? undefined
        : 'is the database itself, which runs each statement on its own'
    },
  })
}
