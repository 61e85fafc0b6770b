import type { IBroker } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { expect, test } from 'vitest'
import { CollectingRunner, testBrokerFaults } from '../src/index.js'
import { Drops, Duplicates, RemoteFace, Reorders } from './broken/broken-brokers.js'
import { delivers } from './broken/broken-deliveries.js'
import { BehindOutage, type Misbehaviour, Outage, publishTimeoutMs } from './broken/outage.js'

// These are no brokers to publish a table about.
delete process.env.INTERLINE_TEST_REPORT

interface Broken {
  readonly name: string
  readonly wrong?: Misbehaviour
  readonly break?: (broker: IBroker) => IBroker
  /** Every one of these fails on it, by this promise, and no other of those that are tried. */
  readonly caughtBy: Readonly<Record<string, RegExp>>
  readonly among?: readonly string[]
}

const every = ['F1', 'F2', 'F3', 'F4', 'F5', 'F8', 'F9']

const broken: readonly Broken[] = [
  { name: 'only forwards', caughtBy: {} },
  { name: 'drops', break: (broker) => new Drops(broker), among: ['F3', 'F9'], caughtBy: { F3: /L\)/, F9: /nothing moved/ } },
  { name: 'duplicates', break: (broker) => new Duplicates(broker), among: ['F8', 'F9'], caughtBy: { F8: /once/, F9: /once/ } },
  { name: 'reorders', break: (broker) => new Reorders(broker), among: ['F9'], caughtBy: { F9: /in its order/ } },
  { name: 'acks early', break: delivers('acksEarly'), among: ['F8', 'F9'], caughtBy: { F8: /in its order/, F9: /dead letters are/ } },
  { name: 'loses dead letters', break: delivers('losesDeadLetters'), among: ['F9'], caughtBy: { F9: /found where dead letters are/ } },
  {
    name: 'accepts what it can not store',
    wrong: { publish: 'accepts-what-it-can-not-store' },
    among: ['F1', 'F3'],
    caughtBy: { F1: /L\)/ },
  },
  { name: 'stores what it refuses', wrong: { publish: 'stores-what-it-refuses' }, among: ['F1', 'F4'], caughtBy: { F4: /U:/ } },
  { name: 'never answers', wrong: { publish: 'never-answers' }, among: ['F2', 'F3'], caughtBy: { F2: /S\)/ } },
  { name: 'throws anything', wrong: { publish: 'throws-anything' }, among: ['F4'], caughtBy: { F4: /S:/ } },
  {
    name: 'says that it is well',
    wrong: { health: 'always-pass' },
    among: ['F2', 'F4', 'F5'],
    caughtBy: { F2: /Health/, F4: /Health/, F5: /Health/ },
  },
  { name: 'never says that it is well again', wrong: { health: 'never-pass-again' }, among: ['F3', 'F5'], caughtBy: { F5: /Health/ } },
  { name: 'leaves timers', wrong: { timers: true }, among: ['F3'], caughtBy: { F3: /let go/ } },
]

/** What failed on memory behind an outage that somebody else makes, and why. */
async function failing({ name, wrong, break: breakIt = (broker) => broker, among = every }: Broken): Promise<Record<string, string>> {
  const runner = new CollectingRunner()
  const outage = new Outage()
  const brokers = new Map<string, MemoryBroker>()
  testBrokerFaults(name, {
    runner,
    server: outage,
    line: outage,
    create: (namespace) => {
      const shared = brokers.get(namespace) ?? new MemoryBroker()
      brokers.set(namespace, shared)
      return breakIt(new BehindOutage(new RemoteFace(shared), outage, wrong))
    },
    bus: { dedup: name === 'duplicates' ? false : undefined },
    leaseMs: 50,
    publishTimeoutMs,
    leaveOut: Object.fromEntries(['F6', 'F7', 'F10'].map((id) => [id, 'there are no processes'])),
    scale: 'tiny',
    limits: { gapMs: 1_000, caseMs: 15_000 },
  })
  const failed: Record<string, string> = {}
  for (const { id, error, name: title } of await runner.run(among)) {
    if (error !== undefined && !title.includes('bad processes')) failed[id] = `${String(error)} ${String((error as Error).cause ?? '')}`
  }
  return failed
}

test.each(broken)('the fault scenarios find what is wrong with a broker that $name', { timeout: 120_000 }, async (each) => {
  const failed = await failing(each)
  const expected = Object.fromEntries(Object.entries(each.caughtBy).map(([id, why]) => [id, expect.stringMatching(why)]))
  expect(failed).toEqual(expected)
})
