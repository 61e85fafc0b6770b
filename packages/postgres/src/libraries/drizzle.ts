import { isPGlite, isPool } from '../postgres-options.js'
import { has, type NamedRow } from './user-database.js'
import { type InboxDatabase, withInbox } from './with-inbox.js'

/** What is used of a database of Drizzle, on any of its drivers for PostgreSQL. */
export interface DrizzleLike {
  // biome-ignore lint/suspicious/noExplicitAny: its types depend on the user's schema
  transaction(run: (transaction: any) => Promise<any>, ...more: any[]): Promise<any>
  // biome-ignore lint/suspicious/noExplicitAny: see above
  execute(query: any): any
}

// biome-ignore lint/suspicious/noExplicitAny: see above
type TransactionOf<Database extends DrizzleLike> = Parameters<Parameters<Database['transaction']>[0]>[0] extends infer T ? T : any

/** Transactions of Drizzle. */
export function drizzleDatabase<Database extends DrizzleLike>(database: Database): InboxDatabase<TransactionOf<Database>> {
  const { $client } = database as { readonly $client?: unknown }
  return withInbox<TransactionOf<Database>>({
    transaction: (run) => database.transaction(run),
    async query(transaction, text, values) {
      const sql = { toQuery: () => ({ sql: text, params: [...values] }) }
      const answer = (await (transaction as DrizzleLike).execute({ getSQL: () => sql })) as NamedRow[] | { readonly rows: NamedRow[] }
      return Array.isArray(answer) ? answer : answer.rows
    },
    refusal(transaction) {
      if (!has(transaction, 'execute')) return 'has no execute()'
      return has(transaction, 'rollback') ? undefined : 'is the database itself, which runs each statement on its own'
    },
    client: isPool($client) || isPGlite($client) ? $client : undefined,
  })
}
