import { EventReplayService, SagaManager, SnapshotService } from '@interline/domain'
import { testBus } from '@interline/testing'
import { MemoryEventStore, MemorySagaStore, MemorySnapshotStore, recordOf, WrongExpectedVersionError } from 'interline'
import { describe, expect, test } from 'vitest'
import { AccessDesk } from '../../src/systems/scoring/access-desk.js'
import { AIScoringSaga, type ScoringData } from '../../src/systems/scoring/ai-scoring-saga.js'
import { recomputedRisk } from '../../src/systems/scoring/checks/recomputed.js'
import { scoringChecks } from '../../src/systems/scoring/checks/scoring-checks.js'
import { AIResultCompleted, AIResultCreated, AIResultFailed, AuditLogCreated, UserAuthenticated } from '../../src/systems/scoring/events.js'
import { importResults } from '../../src/systems/scoring/existing-results.js'
import { AuditTrail } from '../../src/systems/scoring/handlers/audit-trail.js'
import { byMonth, symbol, tradingDays } from '../../src/systems/scoring/market/trading-days.js'
import { riskOf } from '../../src/systems/scoring/model/risk.js'
import { planOfTheRun, resultIdOf } from '../../src/systems/scoring/plan.js'
import { Repositories } from '../../src/systems/scoring/repositories.js'

const request = { symbol, month: '2015-08', requestedBy: 'ada' }
const month = (name: string) => byMonth(tradingDays()).find((each) => each.month === name)!

/** The prices until the end of a month, and a scoring of it. */
async function scoringOf(name: string) {
  const store = new MemoryEventStore()
  const snapshots = new SnapshotService(new MemorySnapshotStore(), { intervalVersions: 10 })
  const repositories = new Repositories({ store, snapshots })
  const days = tradingDays().filter(({ date }) => date.slice(0, 7) <= name)
  await repositories.feeds.update(symbol, (feed) => feed.execute(days))
  const data: ScoringData = { ...request, month: name, feedVersion: days.length }
  return { store, repositories, days, data, id: resultIdOf(name) }
}

async function run({ id, data }: { id: string; data: ScoringData }, repositories: Repositories, sagas = new MemorySagaStore()) {
  const manager = new SagaManager({ store: sagas }).register<ScoringData>(
    AIScoringSaga.type,
    (stored) => new AIScoringSaga(stored.id, stored.data, repositories),
  )
  await using running = manager
  await running.start()
  await running.startSaga(new AIScoringSaga(id, data, repositories))
  await running.idle()
  return running.find(AIScoringSaga.type, id)
}

const typesIn = async (store: MemoryEventStore, stream: string): Promise<readonly string[]> =>
  (await store.getEvents(stream)).map(({ type }) => String(type))

describe('the model', () => {
  test('prices that do not move, or only rise by the same share, are no risk', () => {
    expect(riskOf(Array.from({ length: 20 }, () => 100))).toBe(0)
    expect(riskOf(Array.from({ length: 20 }, (_, day) => 100 * 1.01 ** day))).toBe(0)
  })

  test('one fall by half in twenty quiet days', () => {
    const closes = [...Array.from({ length: 10 }, () => 100), ...Array.from({ length: 10 }, () => 50)]
    // 19 returns, one of them ln 0.5: σ² = 252 · (ln 0.5)² / 19, and d = 0.5
    const sigma = Math.log(2) * Math.sqrt(252 / 19)
    expect(riskOf(closes)).toBeCloseTo(100 * (1 - Math.exp(-sigma - 1)), 2)
  })

  test.each(['2013-09', '2015-08', '2016-12', '2018-04'])('%s is what another computation says', (name) => {
    expect(riskOf(month(name).days.map(({ close }) => close))).toBe(recomputedRisk(name))
  })

  test('nineteen closes are too few', () => {
    expect(() => riskOf(Array.from({ length: 19 }, () => 100))).toThrow('The model needs 20 closes, and the window has 19.')
  })
})

describe('a scoring', () => {
  test('leaves a result, and what it was computed from', async () => {
    const { store, repositories, ...scoring } = await scoringOf('2015-08')
    expect(await run(scoring, repositories)).toMatchObject({ status: 'completed' })
    expect(await typesIn(store, `ai-result:${scoring.id}`)).toEqual(['AIResultCreated', 'AIResultCompleted'])
    const { state } = await repositories.oracle.load(scoring.id)
    expect(state).toMatchObject({ status: 'recorded', closes: month('2015-08').days.map(({ close }) => close) })
  })

  test('of a month that is too short fails in its third step, and says why wherever something was undone', async () => {
    const { store, repositories, ...scoring } = await scoringOf('2015-02')
    expect(await run(scoring, repositories)).toMatchObject({ status: 'compensated', done: [] })
    expect(await typesIn(store, `ai-result:${scoring.id}`)).toEqual(['AIResultCreated', 'AIResultFailed'])
    expect(await typesIn(store, `oracle-snapshot:${scoring.id}`)).toEqual(['OracleSnapshotRecorded', 'OracleSnapshotReleased'])
    const why = { reason: 'The model needs 20 closes, and the window has 19.' }
    expect((await repositories.results.load(scoring.id)).state).toMatchObject({ status: 'failed', ...why })
    expect((await repositories.oracle.load(scoring.id)).state).toEqual({ status: 'released', ...why })
  })

  test('sees the prices of its month, whatever came after', async () => {
    const { repositories, ...scoring } = await scoringOf('2015-08')
    await repositories.feeds.update(symbol, (feed) => feed.execute(tradingDays()))
    await run(scoring, repositories)
    expect((await repositories.results.load(scoring.id)).state).toMatchObject({ risk: recomputedRisk('2015-08') })
  })

  test('of two that complete a result at once, one is refused', async () => {
    const { repositories, store } = await scoringOf('2015-08')
    const { results } = repositories
    await results.update('r-1', (result) => result.execute({ create: request }))
    const [one, other] = [await results.load('r-1'), await results.load('r-1')]
    one.execute({ complete: { risk: 1 } })
    other.execute({ fail: { reason: 'too late' } })
    await results.save(one)
    await expect(results.save(other)).rejects.toThrow(WrongExpectedVersionError)
    expect(await typesIn(store, 'ai-result:r-1')).toEqual(['AIResultCreated', 'AIResultCompleted'])
    await expect(results.update('r-1', (result) => result.execute({ fail: { reason: 'again' } }))).rejects.toThrow(
      "A result that is completed can't be failed.",
    )
  })
})

describe('history', () => {
  test('the price feed as of any version or time is what its events of then give', async () => {
    const { repositories, store, days } = await scoringOf('2013-07')
    const replay = new EventReplayService({ store })
    const events = await store.getEvents(`price-feed:${symbol}`)
    expect(events).toHaveLength(days.length)
    for (const version of [1, 9, 10, 11, 37]) {
      const { state } = await repositories.feeds.load(symbol, { version })
      expect(state).toMatchObject({ days: version, last: days[version - 1] })
    }
    const at = new Date(recordOf(events.at(-1)!)!.recordedAt)
    expect((await replay.timeTravel(repositories.feeds, symbol, at)).state).toMatchObject({ days: days.length })
    await expect(replay.timeTravel(repositories.feeds, symbol, new Date(0))).rejects.toThrow(/price-feed/)
  })

  test('prices that are known are not taken in again', async () => {
    const { repositories, days } = await scoringOf('2013-07')
    await repositories.feeds.update(symbol, (feed) => feed.execute(days))
    expect((await repositories.feeds.load(symbol)).version).toBe(days.length)
  })
})

describe('what existed before', () => {
  test('is imported once, with its own times, and nobody is told', async () => {
    await using test = await testBus({ store: new MemoryEventStore() })
    const told: string[] = []
    await test.bus.subscribe([AIResultCreated, AIResultCompleted], ({ type }) => void told.push(type), { name: 'told' })
    const { existing } = planOfTheRun()
    const store = test.bus.getStore()
    await importResults(existing, store)
    await importResults(existing, store)
    await test.bus.idle()
    const [row] = existing
    expect(told).toEqual([])
    expect(await store.countAfter(undefined)).toBe(2 * existing.length)
    expect(await store.getEvents(`ai-result:${row!.id}`)).toMatchObject([
      { type: 'AIResultCreated', metadata: { timestamp: row!.created_at, source: 'ai_results' } },
      { type: 'AIResultCompleted', data: { risk: row!.risk } },
    ])
  })
})

describe('the audit', () => {
  test('has one entry of an event, however often that is delivered', async () => {
    await using test = await testBus({ store: new MemoryEventStore() })
    const trail = new AuditTrail(test.bus)
    const failed = AIResultFailed({ ...request, reason: 'none' }, { aggregateType: 'ai-result', aggregateId: 'r-1' })
    await trail.handle(failed)
    await trail.handle(failed)
    const { eventId } = failed.metadata
    const entries = await test.bus.getStore().getEvents(`audit-log:${eventId}`)
    expect(entries).toMatchObject([
      { type: AuditLogCreated.type, data: { action: 'AIResultFailed', subject: 'ai-result:r-1', ofEvent: eventId } },
    ])
  })

  test('a wrong token lets nobody in, and is told to nobody', async () => {
    await using test = await testBus()
    const desk = new AccessDesk(test.bus)
    desk.admit('ada', 'right')
    const refused = 'The user or the token is wrong.'
    await expect(desk.authenticate('ada', 'wrong', '192.0.2.1')).rejects.toThrow(refused)
    await expect(desk.authenticate('eve', 'right', '192.0.2.1')).rejects.toThrow(refused)
    test.expectNotPublished(UserAuthenticated)
  })
})

test('a check names the result that is not what the prices say', async () => {
  const { repositories, store } = await scoringOf('2013-06')
  const [row] = planOfTheRun().existing
  await importResults([{ ...row!, risk: 99 }], store)
  await using sagas = new SagaManager({ store: new MemorySagaStore() })
  const checks = await scoringChecks({ months: [], existing: [row!], sagas, repositories })
  expect(checks.filter(({ holds }) => !holds).map(({ detail }) => detail)).toContain(`${row!.month}: 99, not ${row!.risk}`)
})
