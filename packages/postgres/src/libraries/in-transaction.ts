import { ConnectionError } from '@interline/core'
import { serverErrorIn } from '../database/failure.js'
import type { SqlValue, UserDatabase } from './user-database.js'

/** In a transaction of the user's own. Rejects with what a person can act on; the transaction is then the user's to roll back. */
export async function inTransaction<Transaction>(
  user: UserDatabase<Transaction>,
  transaction: Transaction,
  what: string,
  text: string,
  values: readonly SqlValue[],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  try {
    return await user.query(transaction, text, values)
  } catch (thrown) {
    const { code, message } = serverErrorIn(thrown)
    throw new ConnectionError(`${what} in this transaction was refused: ${reasons[code ?? ''] ?? message}. Roll it back.`, {
      cause: thrown,
    })
  }
}

const reasons: Readonly<Record<string, string>> = {
  '25P02': 'an earlier statement of the transaction failed, and it can only be rolled back',
  '25006': 'it is read-only',
  '42P01': 'the tables are missing; call connect() once at the start, or start the bus, before the first transaction',
}
