import { EventTracker } from '@interline/telemetry'
import { createBus, type IEventBus } from 'interline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { newKind } from '../../src/systems/gamifier/activities.js'
import { Announcer } from '../../src/systems/gamifier/announcer.js'
import { commandsOf, GiveKudos, kudosPoints, RecordActivity } from '../../src/systems/gamifier/commands.js'
import { OwnDeadLetters } from '../../src/systems/gamifier/dead-letters/dead-letter-place.js'
import { type Deed, Notice, PointsEarned } from '../../src/systems/gamifier/events.js'
import { Leaderboard } from '../../src/systems/gamifier/leaderboard.js'
import type { Game, Played } from '../../src/systems/gamifier/play.js'
import { Players } from '../../src/systems/gamifier/players.js'
import { reportOf } from '../../src/systems/gamifier/report/report.js'
import { scrape } from '../../src/systems/gamifier/report/scrape.js'
import { RuleBook } from '../../src/systems/gamifier/rules.js'
import { Scoreboard } from '../../src/systems/gamifier/scoreboard.js'

const deeds: readonly Deed[] = [
  { player: 'ada', kind: 'release', delivery: 'one', day: '2026-01-01' },
  { player: 'bob', kind: newKind, delivery: 'two' },
  { player: 'robot[bot]', kind: 'push', delivery: 'three' },
]
const notices = [1, 2].map((number) => new Notice('info', 'test', `notice ${number}`))

/** A small game that has been played, and nothing about it is wrong. */
async function played(bus: IEventBus): Promise<[Game, Played]> {
  const [rules, players, tracker] = [new RuleBook(), new Players(bus.getStore()), new EventTracker()]
  rules.add(newKind, 6)
  const commands = await commandsOf(players, rules)
  for (const deed of deeds.slice(0, 2)) await commands.dispatch(RecordActivity(deed, { correlationId: deed.delivery }))
  await Promise.all(['x', 'y'].map((from) => commands.dispatch(GiveKudos({ from, to: 'ada' }))))
  for (const failed of [false, false, true, true, true]) await tracker.track({ type: 'Activity' }, { failed, latencyMs: 1 })
  await using leaderboard = new Leaderboard(bus.getStore())
  await leaderboard.start()
  const [announcer, scoreboard] = [new Announcer(bus), new Scoreboard(bus)]
  const letter = { eventId: 'event-2', handler: 'ActivityHandler', attempts: 3, error: { message: 'no points' } }
  return [
    { bus, live: bus, rules, players, commands, tracker, leaderboard, announcer, scoreboard, deadLetters: new OwnDeadLetters(bus) },
    {
      deeds,
      published: deeds.length,
      letters: [letter],
      redriven: 1,
      kudos: { to: 'ada', points: 2 * kudosPoints },
      standings: await leaderboard.standings(),
      scraped: await scrape(tracker),
      announced: notices,
      shown: notices,
    },
  ]
}

describe('the report of a game', () => {
  let bus: IEventBus
  beforeEach(async () => {
    bus = createBus({ service: 'gamifier', store: { type: 'memory' } })
    await bus.start()
  })
  afterEach(() => bus.close())

  /** What the report finds wrong about a game that was changed. */
  async function problems(change: (sound: Played) => Partial<Played> = () => ({})): Promise<readonly string[]> {
    const [game, sound] = await played(bus)
    const { checks } = await reportOf(game, { ...sound, ...change(sound) }, 3)
    return checks.filter(({ holds }) => !holds).map(({ says }) => says)
  }

  const save = (data: PointsEarned['data'], correlationId?: string): Promise<unknown> =>
    bus.getStore().saveEvents('player:eve', [new PointsEarned('eve', data, correlationId === undefined ? {} : { correlationId })])

  test('finds nothing wrong where nothing is', async () => {
    expect(await problems()).toEqual([])
  })

  test.each<[string, (sound: Played) => Partial<Played>, RegExp]>([
    [
      'a player has a point too many',
      ({ standings }) => ({ standings: standings.map((row) => ({ ...row, points: row.points + 1 })) }),
      /leaderboard/,
    ],
    ['a player is missing', ({ standings }) => ({ standings: standings.slice(1) }), /leaderboard/],
    ['kudos are lost', () => ({ kudos: { to: 'bob', points: 99 } }), /leaderboard|concurrent commands/],
    ['nothing died', () => ({ letters: [], redriven: 0 }), /died/],
    ['it died too early', ({ letters }) => ({ letters: letters.map((each) => ({ ...each, attempts: 1 })) }), /died/],
    ['it was not redriven', () => ({ redriven: 0 }), /died/],
    ['a notice is shown twice', ({ shown }) => ({ shown: [...shown, ...shown] }), /scoreboard/],
    ['a notice is shown that nobody announced', () => ({ announced: [] }), /scoreboard/],
    ['Prometheus is told nothing', () => ({ scraped: '' }), /Prometheus/],
  ])('says so where %s', async (_what, change, expected) => {
    const found = await problems(change)
    expect(found.length).toBeGreaterThan(0)
    for (const problem of found) expect(problem).toMatch(expected)
  })

  test('says so where a deed is stored twice', async () => {
    await save({ delivery: 'one', kind: 'release', points: 10 }, 'one')
    expect(await problems()).toEqual([expect.stringContaining('leaderboard'), expect.stringContaining('no deed is stored twice')])
  })

  test('says so where an event is of another correlation than its activity', async () => {
    await save({ delivery: 'four', kind: 'release', points: 10 }, 'five')
    expect(await problems()).toEqual([expect.stringContaining('leaderboard'), expect.stringContaining('correlation')])
  })
})
