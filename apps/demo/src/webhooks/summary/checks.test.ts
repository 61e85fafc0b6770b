import { expect, test } from 'vitest'
import { MemoryLedger } from '../ledger/memory-ledger.js'
import { handlersOf, Plan } from '../plan.js'
import { Publishing } from '../publishing.js'
import { checksOf } from './checks.js'
import { type Outcome, summarize } from './summary.js'

interface Tampering {
  /** Handles nothing of this delivery. */
  readonly forget?: number | undefined
  readonly handleTwice?: number | undefined
  readonly workersDied?: number | undefined
  readonly deadLettersLeft?: number | undefined
}

/** What a run of one event of each of the first kinds would leave, without trouble, but for the tampering. */
async function outcomeOf({ forget, handleTwice, workersDied = 0, deadLettersLeft = 0 }: Tampering = {}): Promise<Outcome> {
  const plan = new Plan(3)
  const sent = new Publishing()
  const ledger = new MemoryLedger()
  const publish = async (): Promise<void> => undefined
  await sent.run({
    bus: { publish },
    plan,
    stored: false,
    publishers: 1,
    signal: AbortSignal.any([]),
    sending: () => undefined,
    room: () => undefined,
  })
  ;[...sent.deliveries.values()].forEach(({ delivery, kind }, index) => {
    if (index === forget) return
    for (const handler of handlersOf(kind)) ledger.record(handler, delivery, {})
    if (index === handleTwice) ledger.record('statistics', delivery, {})
  })
  for (const attempt of [1, 2]) ledger.incident('retried', 'activity-feed', `${plan.shaky} ${attempt}`)
  return {
    options: { broker: 'memory', store: undefined, events: 3, workers: 0, all: false },
    plan,
    sent,
    contents: await ledger.read(),
    story: { found: [], redriven: 0 },
    deadLettersLeft,
    accepted: 3,
    stored: undefined,
    workersDied,
    interrupted: false,
    durationMs: 10,
  }
}

const problemsOf = (outcome: Outcome): readonly string[] => summarize(outcome).figures.problems

test('a run in which everything was handled once has no problems', async () => {
  const outcome = await outcomeOf()
  expect(problemsOf(outcome)).toEqual([])
  expect(summarize(outcome).figures).toMatchObject({ published: 3, lost: 0, retried: 2, eventsPerSecond: 300 })
})

test('an event that was never handled is lost, and named', async () => {
  const outcome = await outcomeOf({ forget: 1 })
  const [, lost] = [...outcome.sent.deliveries.values()]
  expect(summarize(outcome).figures.lost).toBe(1)
  expect(problemsOf(outcome).join('\n')).toContain(`1 never handled: ${lost?.kind} ${lost?.delivery}`)
})

test('an event that was handled twice is a problem, unless a worker died', async () => {
  expect(problemsOf(await outcomeOf({ handleTwice: 0 })).join('\n')).toContain('1 run again after they had succeeded')
  const afterDeath = await outcomeOf({ handleTwice: 0, workersDied: 1 })
  expect(problemsOf(afterDeath)).toEqual([])
  expect(checksOf(afterDeath).map(({ detail }) => detail)).toContain('1 run repeated after a worker died, without effect')
})

test('a dead letter that is left is a problem', async () => {
  expect(problemsOf(await outcomeOf({ deadLettersLeft: 1 })).join('\n')).toContain('1 left')
})

test('an event that the broker did not accept is a problem', async () => {
  expect(problemsOf({ ...(await outcomeOf()), accepted: 2 }).join('\n')).toContain('it accepted 2')
})

test.each([
  [['a', 'b'], 'it holds 2, of which 2 differ'],
  [['a', 'b', 'b'], 'it holds 3, of which 2 differ'],
])('a store that holds %j of three events is a problem', async (stored, words) => {
  expect(problemsOf({ ...(await outcomeOf()), stored }).join('\n')).toContain(words)
  expect(problemsOf({ ...(await outcomeOf()), stored: ['a', 'b', 'c'] })).toEqual([])
})
