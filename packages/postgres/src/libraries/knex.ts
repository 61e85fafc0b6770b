import type { NamedRow } from './user-database.js'
import { type InboxDatabase, withInbox } from './with-inbox.js'

/** What is used of a Knex. */
export interface KnexLike<Transaction> {
  transaction<T>(run: (transaction: Transaction) => Promise<T>): Promise<T>
}

/** What is used of one of its transactions. */
export interface KnexTransactionLike {
  // biome-ignore lint/suspicious/noExplicitAny: its answers have no type
  raw(text: string, bindings: any): PromiseLike<any>
  readonly isTransaction?: boolean | undefined
  isCompleted(): boolean
}

/** Transactions of Knex. */
export function knexDatabase<Transaction extends KnexTransactionLike>(knex: KnexLike<Transaction>): InboxDatabase<Transaction> {
  return withInbox<Transaction>({
    transaction: (run) => knex.transaction(run),
    async query(transaction, text, values) {
      // It knows no numbered values, and takes a question mark for one.
      const used: unknown[] = []
      const words = text.replace(/\?|\$(\d+)/g, (_word, number?: string) => {
        if (number === undefined) return '\\?'
        used.push(values[Number(number) - 1])
        return '?'
      })
      const { rows } = (await transaction.raw(words, used)) as { readonly rows: NamedRow[] }
      return rows
    },
    refusal(transaction) {
      if (typeof transaction !== 'function' || typeof (transaction as unknown as KnexTransactionLike).raw !== 'function')
        return 'has no raw()'
      const { isTransaction, isCompleted } = transaction as unknown as KnexTransactionLike
      if (isTransaction !== true) return 'is Knex itself, which runs each statement on its own'
      return isCompleted() ? 'has ended' : undefined
    },
  })
}
