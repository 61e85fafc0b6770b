import { has, type NamedRow } from './user-database.js'
import { type InboxDatabase, withInbox } from './with-inbox.js'

/** What is used of a DataSource of TypeORM. */
export interface TypeOrmLike {
  // biome-ignore lint/suspicious/noExplicitAny: one of its overloads begins with an isolation level
  transaction(run: any): Promise<any>
  readonly manager: object
}

interface TypeOrmManagerLike {
  query(text: string, values?: unknown[]): Promise<unknown>
  readonly queryRunner?: { readonly isTransactionActive: boolean } | undefined
}

/** Transactions of TypeORM: one is the EntityManager that its callback is given, or that of a query runner. */
export function typeormDatabase<Source extends TypeOrmLike>(source: Source): InboxDatabase<Source['manager']> {
  return withInbox<Source['manager']>({
    transaction: (run) => source.transaction(run),
    async query(manager, text, values) {
      const answer = (await (manager as TypeOrmManagerLike).query(text, [...values])) as NamedRow[] | [NamedRow[], number]
      // What was changed or deleted comes with a count.
      return Array.isArray(answer[0]) ? answer[0] : (answer as NamedRow[])
    },
    refusal(manager) {
      if (!has(manager, 'query')) return 'has no query()'
      const active = (manager as TypeOrmManagerLike).queryRunner?.isTransactionActive
      return active === true ? undefined : 'is an EntityManager outside of a transaction'
    },
  })
}
