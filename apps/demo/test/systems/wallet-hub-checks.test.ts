import { waitFor } from '@interline/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checksOf } from '../../src/systems/wallet-hub/checks.js'
import { breaker } from '../../src/systems/wallet-hub/consumers.js'
import { Day } from '../../src/systems/wallet-hub/day.js'
import { localMember } from '../../src/systems/wallet-hub/members/member.js'
import type { Outcome } from '../../src/systems/wallet-hub/outcome.js'
import { HubRoom } from './hub-room.js'

const limitMs = 120_000

let room: HubRoom
let outcome: Outcome

beforeAll(async () => {
  room = await HubRoom.open()
  const { hub, worker, consumers } = room
  await hub.start()
  await worker.start()
  await consumers.start()
  outcome = await new Day({ hub, worker: localMember(worker), consumers: localMember(consumers) }).run(40)
}, limitMs)

afterAll(() => room?.[Symbol.asyncDispose]())

const failing = (changed: Partial<Outcome>): readonly string[] =>
  checksOf({ ...outcome, ...changed })
    .filter(({ holds }) => !holds)
    .map(({ says }) => says)

describe('a day that ends well', () => {
  test('has no check that fails', () => {
    expect(failing({})).toEqual([])
  })

  const cases: readonly (readonly [what: string, says: string, change: () => Partial<Outcome>])[] = [
    [
      'money that is lost on the way',
      'balances add up, in wallets and in statements',
      () => ({ books: { ...outcome.books, balances: { ...outcome.books.balances, 'wallet-3': 1 } } }),
    ],
    [
      'an event of a transfer that was rolled back',
      'what was rolled back left no transfer and no event',
      () => ({ books: { ...outcome.books, correlations: [...outcome.books.correlations, outcome.expected.refused[0] ?? ''] } }),
    ],
    ['an event that waits', 'the outbox is empty, and every event was sent', () => ({ books: { ...outcome.books, unsent: 1 } })],
    [
      'an effect that is there twice',
      "each event reached each consumer's effect once",
      () => {
        const { statements } = outcome.report
        return { report: { ...outcome.report, statements: { ...statements, effects: statements.effects + 2 } } }
      },
    ],
    [
      'a transfer that was not settled',
      'the clearing house settled every transfer',
      () => ({ report: { ...outcome.report, settlements: outcome.report.settlements - 1 } }),
    ],
    [
      'a clearing house that is asked again and again',
      'while it was away it was asked by probes only, once the breaker was open',
      () => ({ report: { ...outcome.report, refused: outcome.report.probes + breaker.failures + 1 } }),
    ],
    [
      'a rate that is out of date',
      'the newest rate of each currency is known',
      () => ({ report: { ...outcome.report, rates: { ...outcome.report.rates, C7: 8 } } }),
    ],
    ['a dead letter that stays', 'one transfer was dead, and is redriven', () => ({ deadLetters: { before: 1, after: 1 } })],
    [
      'a trace that began elsewhere',
      'both sides are in the same traces',
      () => ({ report: { ...outcome.report, traceIds: ['0af7651916cd43dd8448eb211c80319c'] } }),
    ],
    [
      'an alert that nobody heard',
      'the four alerts fired in the bad hour',
      () => ({ during: { ...outcome.during, alerts: outcome.during.alerts.slice(1) } }),
    ],
    ['an alert that goes on', 'and ended after it', () => ({ after: { ...outcome.after, alerts: ['HighLatency'] } })],
    ['health that hides it', 'health said what was wrong', () => ({ during: { ...outcome.during, hub: outcome.after.hub } })],
    ['health that stays bad', 'and was well after it', () => ({ after: { ...outcome.after, consumers: outcome.during.consumers } })],
  ]

  test.each(cases)('would not be one with %s', (_what, says, change) => {
    expect(failing(change())).toEqual([says])
  })

  test('has a check for every case, and a case for every check', () => {
    expect(cases.map(([, says]) => says)).toEqual(checksOf(outcome).map(({ says }) => says))
  })
})

test('while the clearing house is away the breaker asks it by probes, and what waits is settled when it is back', async () => {
  const { hub, consumers } = room
  const before = await consumers.report()
  await consumers.openClearingHouse(false)
  for (let number = 0; number < 30; number++) {
    await hub.transferFunds.execute({ id: `later-${number}`, from: 'wallet-1', to: 'wallet-2', amount: 1 })
  }
  await waitFor(async () => (await consumers.report()).probes >= before.probes + 3, { what: 'three probes' })
  const during = await consumers.report()
  expect(during.settlements).toBe(before.settlements)
  expect(during.refused - before.refused).toBeLessThanOrEqual(breaker.failures + during.probes - before.probes)
  await consumers.openClearingHouse(true)
  await waitFor(async () => (await consumers.report()).settlements === before.settlements + 30, { what: 'all settlements' })
}, 30_000)
