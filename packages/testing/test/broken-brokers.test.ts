import { MemoryBroker } from '@interline/memory'
import { describe, expect, test } from 'vitest'
import { CollectingRunner, testBroker } from '../src/index.js'
import {
  AcceptsEarly,
  BroadcastsToOne,
  type BrokenBroker,
  Drops,
  Duplicates,
  ForgetsHistory,
  ForgetsParked,
  HidesLag,
  IgnoresOrder,
  IgnoresSchedule,
  IgnoresTarget,
  IgnoresWindow,
  ListsOnce,
  MixesGroups,
  Mutates,
  marksBeforeSuccess,
  ParksInAnyOrder,
  RemoteFace,
  Reorders,
} from './broken/broken-brokers.js'
import { delivers, LosesOnClose } from './broken/broken-deliveries.js'

// These are no brokers to publish a table about.
delete process.env.INTERLINE_TEST_REPORT

const broken: readonly BrokenBroker[] = [
  {
    name: 'drops',
    break: (broker) => new Drops(broker),
    caughtBy: ['B02', 'B03', 'B05', 'B06', 'B07', 'B08', 'B09', 'B10', 'B13', 'B20', 'B21', 'B22', 'B30', 'B37', 'B38'],
  },
  {
    name: 'duplicates',
    break: (broker) => new Duplicates(broker),
    caughtBy: ['B02', 'B05', 'B09', 'B12', 'B30', 'B37'],
    // where the second copy comes before the end of the case
    sometimesBy: ['B04', 'B06'],
  },
  { name: 'reorders', break: (broker) => new Reorders(broker), caughtBy: ['B05', 'B09', 'B15', 'B20', 'B32', 'B33', 'B38'] },
  { name: 'mutates', break: (broker) => new Mutates(broker), caughtBy: ['B01', 'B16'] },
  { name: 'accepts early', break: (broker) => new AcceptsEarly(broker), caughtBy: ['B10', 'B18'] },
  { name: 'ignores the schedule', break: (broker) => new IgnoresSchedule(broker), caughtBy: ['B31'] },
  { name: 'ignores the target', break: (broker) => new IgnoresTarget(broker), caughtBy: ['B16', 'B32', 'B38'] },
  { name: 'ignores the window', break: (broker) => new IgnoresWindow(broker), caughtBy: ['B21'] },
  { name: 'mixes groups', break: (broker) => new MixesGroups(broker), caughtBy: ['B12', 'B16', 'B32', 'B37', 'B38', 'B39'] },
  { name: 'forgets history', break: (broker) => new ForgetsHistory(broker), caughtBy: ['B13'] },
  { name: 'broadcasts to one', break: (broker) => new BroadcastsToOne(broker), caughtBy: ['B37'] },
  { name: 'ignores order', break: (broker) => new IgnoresOrder(broker), caughtBy: ['B05', 'B09'] },
  { name: 'lists destinations once', break: (broker) => new ListsOnce(broker), caughtBy: ['B18'] },
  { name: 'hides its lag', break: (broker) => new HidesLag(broker), caughtBy: ['B30'] },
  { name: 'forgets what is parked', break: (broker) => new ForgetsParked(broker), caughtBy: ['B38'] },
  { name: 'parks in any order', break: (broker) => new ParksInAnyOrder(broker), caughtBy: ['B38'] },
  { name: 'only forwards', break: (broker) => broker, caughtBy: [] },
  {
    name: 'marks before success',
    break: (broker) => broker,
    idempotency: marksBeforeSuccess(),
    caughtBy: ['B04', 'B15', 'B16', 'B19', 'B22', 'B32', 'B38'],
  },
  { name: 'loses on close', break: (broker) => new LosesOnClose(broker), caughtBy: ['B15', 'B22'] },
  {
    name: 'acks early',
    break: delivers('acksEarly'),
    caughtBy: ['B04', 'B05', 'B09', 'B15', 'B16', 'B17', 'B20', 'B22', 'B30', 'B32', 'B38'],
  },
  { name: 'forgets attempts', break: delivers('forgetsAttempts'), caughtBy: ['B04', 'B15'] },
  { name: 'never retries', break: delivers('neverRetries'), caughtBy: ['B04', 'B15'] },
  { name: 'loses dead letters', break: delivers('losesDeadLetters'), caughtBy: ['B16', 'B17', 'B20', 'B32', 'B38'] },
  {
    name: 'never acks',
    break: delivers('neverAcks'),
    among: ['B01', 'B05', 'B17', 'B21', 'B25', 'B30', 'B34'],
    caughtBy: ['B01', 'B05', 'B21', 'B30'],
  },
]

const limits = { gapMs: 500, caseMs: 6_000 }
const needsServer = 'this is memory behind the face of a remote broker'
const leaveOut = Object.fromEntries(['B14', 'B23', 'B26', 'B27', 'B29', 'B30', 'B32', 'B36', 'B38'].map((id) => [id, needsServer]))

/** The ids of the cases that fail on memory, dressed up as a remote broker and broken. */
async function failing({ name, break: breakIt, idempotency, among }: BrokenBroker): Promise<string[]> {
  const runner = new CollectingRunner()
  const brokers = new Map<string, MemoryBroker>()
  const create = (namespace: string) => {
    const shared = brokers.get(namespace) ?? new MemoryBroker()
    brokers.set(namespace, shared)
    return breakIt(new RemoteFace(shared))
  }
  testBroker(name, { runner, create, bus: { idempotency }, leaveOut, scale: 'tiny', limits })
  const results = await runner.run(among)
  return [...new Set(results.filter(({ error }) => error !== undefined).map(({ id }) => id))]
}

/** The runs mostly wait for what never comes, so many of them go on at once; those that wait longest begin first. */
const atOnce = 10
const byLength = [...broken].sort((left, right) => right.caughtBy.length - left.caughtBy.length)
const outcomes = new Map<string, Promise<string[]>>()
const places = Array.from({ length: atOnce }, () => Promise.resolve())
for (const [index, each] of byLength.entries()) {
  const outcome = (places[index % atOnce] as Promise<void>).then(() => failing(each))
  outcomes.set(each.name, outcome)
  places[index % atOnce] = outcome.then(
    () => undefined,
    () => undefined,
  )
}

describe('the contract finds', () => {
  test.each(broken)('what is wrong with a broker that $name', { timeout: 120_000 }, async ({ name, caughtBy, sometimesBy }) => {
    const caught = await outcomes.get(name)
    expect(caught?.filter((id) => !sometimesBy?.includes(id))).toEqual(caughtBy)
  })

  test('a bus that shares references', { timeout: 60_000 }, async () => {
    const runner = new CollectingRunner()
    testBroker('by reference', { runner, create: () => new MemoryBroker(), bus: { codec: 'reference' }, scale: 'tiny', limits })
    const results = await runner.run(['B01', 'B02', 'B12', 'B34'])
    expect(results.filter(({ error }) => error !== undefined).map(({ id }) => id)).toEqual(['B01', 'B34'])
  })
})
