import { expect, test } from 'vitest'
import { problemsOf } from '../../../src/report/check.js'
import { checksOf, type Outcome } from '../../../src/systems/rewards/checks.js'

const sound: Outcome = {
  totalBefore: 1_000,
  audit: {
    total: 1_000,
    differing: [],
    unheld: [],
    operations: [
      { transactionId: 'held', operation: 'hold-escrow' },
      { transactionId: 'settled', operation: 'settle-escrow' },
    ],
  },
  traffic: { requests: 2, done: new Set(['held', 'settled']), refused: 0, gaveUp: 0, repeated: 0, contradicted: 0 },
  seen: { feed: ['settled', 'held'], tracked: ['held', 'settled'], notified: ['settled'] },
  staleBalances: 0,
}
const { audit, traffic, seen } = sound

test('what is sound has no problems', () => {
  expect(problemsOf(checksOf(sound))).toEqual([])
})

test.each<[string, Partial<Outcome>]>([
  ['the sum of all balances is what it was: 1000 points instead of 1001', { totalBefore: 1_001 }],
  ['the ledger adds up to every balance: not to user:ada:escrow', { audit: { ...audit, differing: ['user:ada:escrow'] } }],
  [
    'what is held adds up to every escrow balance: not to that of a, b, c and 1 more',
    { audit: { ...audit, unheld: ['a', 'b', 'c', 'd'] } },
  ],
  [
    'every operation that was answered is in the ledger, once: 1 missing, 0 too many, of 3',
    {
      traffic: { ...traffic, done: new Set(['held', 'settled', 'lost']) },
    },
  ],
  ['asking twice is answered alike: 1 times it was not', { traffic: { ...traffic, contradicted: 1 } }],
  ['the activity feed has every operation, once: 1 missing, 0 too many, of 2', { seen: { ...seen, feed: ['held'] } }],
  ['analytics saw every operation, once: 0 missing, 1 too many, of 2', { seen: { ...seen, tracked: ['held', 'held', 'settled'] } }],
  ['models were told of everything they earned, once: 1 missing, 1 too many, of 1', { seen: { ...seen, notified: ['held'] } }],
  ['the balance cache says what the database says: not of 3 wallets', { staleBalances: 3 }],
])('%s', (problem, fault) => {
  expect(problemsOf(checksOf({ ...sound, ...fault }))).toEqual([problem])
})
