import { has, type NamedRow } from './user-database.js'
import { type InboxDatabase, withInbox } from './with-inbox.js'

/** What is used of a client of Prisma. */
export interface PrismaLike {
  // biome-ignore lint/suspicious/noExplicitAny: its types are generated from the user's schema
  $transaction(run: (transaction: any) => Promise<any>, ...more: any[]): Promise<any>
}

interface PrismaTransactionLike {
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<NamedRow[]>
}

type TransactionOf<Client extends PrismaLike> = Parameters<Parameters<Client['$transaction']>[0]>[0]

/** Interactive transactions of Prisma. */
export function prismaDatabase<Client extends PrismaLike>(client: Client): InboxDatabase<TransactionOf<Client>> {
  return withInbox<TransactionOf<Client>>({
    transaction: (run) => client.$transaction(run),
    query: (transaction, text, values) => (transaction as PrismaTransactionLike).$queryRawUnsafe(text, ...values),
    refusal(transaction) {
      if (!has(transaction, '$queryRawUnsafe')) return 'has no $queryRawUnsafe()'
      return has(transaction, '$connect') ? 'is the client itself, which runs each statement on its own' : undefined
    },
  })
}
