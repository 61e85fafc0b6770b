import type { Abortable, Awaitable, IInbox, InboxEntry, InboxOutcome } from '@interline/core'
import { PostgresInbox } from '../inbox/postgres-inbox.js'
import type { UserDatabase } from './user-database.js'

/** A user's database that can be given as the inbox of a subscription; its table then is `interline_inbox`. */
export interface InboxDatabase<Transaction> extends UserDatabase<Transaction>, IInbox<Transaction> {}

export function withInbox<Transaction>(database: UserDatabase<Transaction>): InboxDatabase<Transaction> {
  let inbox: PostgresInbox<Transaction> | undefined
  return {
    ...database,
    handleOnce(entry: InboxEntry, work: (transaction: Transaction) => Awaitable<unknown>, options?: Abortable): Promise<InboxOutcome> {
      inbox ??= new PostgresInbox(database)
      return inbox.handleOnce(entry, work, options)
    },
  }
}
