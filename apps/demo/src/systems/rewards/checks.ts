import { type Check, check } from '../../report/check.js'
import type { Audit } from './audit.js'
import type { Seen } from './subscribers/everyone.js'
import type { TrafficReport } from './traffic.js'

export interface Outcome {
  readonly totalBefore: number
  readonly audit: Audit
  readonly traffic: TrafficReport
  readonly seen: Seen
  readonly staleBalances: number
}

/** What a model hears of. */
export const earningOperations: ReadonlySet<string> = new Set(['settle-escrow', 'partially-settle-escrow'])

export function checksOf({ totalBefore, audit, traffic, seen, staleBalances }: Outcome): readonly Check[] {
  const { total, differing, unheld, operations } = audit
  const all = operations.map(({ transactionId }) => transactionId)
  const earned = operations.filter(({ operation }) => earningOperations.has(operation)).map(({ transactionId }) => transactionId)
  return [
    check('the sum of all balances is what it was', total === totalBefore, `${total} points instead of ${totalBefore}`),
    check('the ledger adds up to every balance', differing.length === 0, `not to ${listed(differing)}`),
    check('what is held adds up to every escrow balance', unheld.length === 0, `not to that of ${listed(unheld)}`),
    once('every operation that was answered is in the ledger, once', all, [...traffic.done]),
    check('asking twice is answered alike', traffic.contradicted === 0, `${traffic.contradicted} times it was not`),
    once('the activity feed has every operation, once', seen.feed, all),
    once('analytics saw every operation, once', seen.tracked, all),
    once('models were told of everything they earned, once', seen.notified, earned),
    check('the balance cache says what the database says', staleBalances === 0, `not of ${staleBalances} wallets`),
  ]
}

function once(says: string, seen: readonly string[], expected: readonly string[]): Check {
  const left = new Set(expected)
  const extra = seen.filter((id) => !left.delete(id)).length
  return check(says, left.size === 0 && extra === 0, `${left.size} missing, ${extra} too many, of ${expected.length}`)
}

function listed(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
}
