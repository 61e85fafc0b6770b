import { expect, test } from 'vitest'
import { testStore } from './event-store/stores.js'
import { tailBesideTransactions } from './event-store/transactions.js'

test('S07 for a minute: nothing missed, nothing twice, no version before another', async () => {
  await using room = testStore()
  const { seen, seenBesideForeign, rolledBack, ...wrong } = await tailBesideTransactions(room, 60_000)
  console.log(`${seen} events seen, ${rolledBack} transactions rolled back`)
  expect(wrong).toEqual({ missed: 0, repeated: 0, inversions: 0 })
  expect(seen).toBeGreaterThan(10_000)
  expect(seenBesideForeign).toBeGreaterThan(seen / 2)
})
