import { randomUUID } from 'node:crypto'
import { type PrivateRedis, startRedis, waitFor } from '@interline/testing'
import { connect } from 'amqplib'
import { createBus, type IEventStore, MemoryEventStore } from 'interline'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { rabbitMqUrl } from '../../src/places/addresses.js'
import { ActivityHandler } from '../../src/systems/gamifier/activity-handler.js'
import { Announcer } from '../../src/systems/gamifier/announcer.js'
import { commandsOf, GiveKudos, kudosPoints, RecordActivity } from '../../src/systems/gamifier/commands.js'
import { DeadLetterQueue } from '../../src/systems/gamifier/dead-letters/dead-letter-queue.js'
import { Activity, type Deed, Notice, PointsEarned } from '../../src/systems/gamifier/events.js'
import { Leaderboard } from '../../src/systems/gamifier/leaderboard.js'
import { Player } from '../../src/systems/gamifier/player.js'
import { Players } from '../../src/systems/gamifier/players.js'
import { historyOf } from '../../src/systems/gamifier/report/history.js'
import { recount } from '../../src/systems/gamifier/report/recount.js'
import { longestStreak, RuleBook } from '../../src/systems/gamifier/rules.js'
import { Scoreboard } from '../../src/systems/gamifier/scoreboard.js'

const cause = { correlationId: 'request-1', causationId: 'command-1' }
let deliveries = 0
const deed = (player: string, kind: string, day?: string): Deed => ({ player, kind, delivery: `delivery-${++deliveries}`, day })
const activityOf = (done: Deed): Activity => new Activity('github', done.kind, done, { correlationId: done.delivery })

async function commandsOn(store: IEventStore) {
  const [players, rules] = [new Players(store), new RuleBook()]
  return { players, rules, commands: await commandsOf(players, rules) }
}

describe('a player', () => {
  test('earns points, badges, levels and streaks, and has the same when loaded again', () => {
    const player = new Player('ada')
    for (const day of ['2026-03-01', '2026-03-03', '2026-02-28']) player.earn(deed('ada', 'release', day), 10, cause)
    player.earn(deed('ada', 'push', '2026-03-02'), 2, cause)
    const types = player.changes.map(({ eventType }) => eventType)
    expect(types.filter((type) => type === 'PointsEarned')).toHaveLength(4)
    expect([player.points, player.badges]).toEqual([32, ['newcomer']])
    expect(player.changes.flatMap((event) => (event.eventType === 'LevelReached' ? event.data.level : []))).toEqual([2])
    expect(player.changes.flatMap((event) => (event.eventType === 'StreakExtended' ? event.data.days : []))).toEqual([1, 2, 4])

    const again = new Player('ada')
    again.loadFromHistory(player.changes)
    again.earn(deed('ada', 'push', '2026-03-04'), 2, cause)
    expect([again.points, again.badges]).toEqual([34, ['newcomer']])
    expect(again.changes.map(({ eventType }) => eventType)).toEqual(['PointsEarned', 'StreakExtended'])
  })

  test('is given nothing for a deed that is told again', () => {
    const player = new Player('ada')
    const done = deed('ada', 'release')
    for (const _ of [1, 2]) player.earn(done, 10, cause)
    expect(player.points).toBe(10)
  })

  test('has days in any order, and in any month', () => {
    expect(longestStreak(['2026-01-01', '2025-12-31', '2026-02-01'])).toBe(2)
    expect(longestStreak([])).toBe(0)
  })
})

describe('commands', () => {
  let redis: PrivateRedis
  beforeAll(async () => {
    redis = await startRedis({ appendOnly: false })
  })
  afterAll(() => redis?.close())

  test.each(['memory', 'redis'] as const)('for one player at the same time conflict on %s, and lose nothing', async (type) => {
    const place = { type: 'redis', redis: { url: redis.url, prefix: randomUUID() } } as const
    await using bus = createBus({ service: 'gamifier', store: type === 'redis' ? place : { type } })
    await bus.start()
    const { players, commands } = await commandsOn(bus.getStore())
    const given = Array.from({ length: 8 }, (_, index) => GiveKudos({ from: `admirer-${index}`, to: 'ada' }))
    await Promise.all(given.map((command) => commands.dispatch(command)))
    expect((await players.find('ada'))?.points).toBe(8 * kudosPoints)
    expect(players.conflicts).toBeGreaterThan(0)
    expect(await historyOf(bus.getStore())).toMatchObject({ gaps: [], repeated: [], kudosPoints: 8 * kudosPoints })
  })

  test('are refused where they make no sense', async () => {
    const { players, commands } = await commandsOn(new MemoryEventStore())
    await expect(commands.dispatch(GiveKudos({ from: 'ada', to: 'ada' }))).rejects.toMatchObject({ code: 'INTERLINE_VALIDATION' })
    await expect(commands.dispatch(RecordActivity(deed('ada', 'juggling')))).rejects.toThrow('no points for "juggling"')
    expect(await players.find('ada')).toBeUndefined()
  })
})

describe('an activity', () => {
  test('whose effect is stored and whose acknowledgement is not is handled again, and counted once', async () => {
    await using bus = createBus({ service: 'gamifier', store: { type: 'memory' } })
    let runs = 0
    bus.use(async (_context, next) => {
      await next()
      if (++runs === 1) throw new Error('The process died here.')
    })
    await bus.start()
    const { players, commands } = await commandsOn(bus.getStore())
    const retryStrategy = { maxAttempts: 2, backoff: { type: 'fixed', delay: 0 } } as const
    await bus.subscribe(Activity, new ActivityHandler(commands, retryStrategy, new Announcer(createBus())))
    await bus.publish(activityOf(deed('ada', 'release')))
    await bus.idle()
    expect(runs).toBe(2)
    expect((await players.find('ada'))?.points).toBe(10)
  })

  test('leads to events that say who, why and where', async () => {
    await using bus = createBus({ service: 'gamifier', environment: 'test', store: { type: 'memory' } })
    await bus.start()
    const { commands } = await commandsOn(bus.getStore())
    await bus.subscribe(Activity, new ActivityHandler(commands, { maxAttempts: 1 }, new Announcer(createBus())))
    const activity = activityOf(deed('ada', 'release'))
    await bus.publish(activity)
    await bus.idle()
    const found = await bus.getStore().getEventsByCorrelationId(activity.correlationId)
    expect(found.map(({ eventType }) => eventType)).toEqual(['Activity', 'PointsEarned', 'BadgeAwarded', 'LevelReached'])
    const [, earned] = found
    expect(earned).toBeInstanceOf(PointsEarned)
    const { userId, source, environment, causationId } = earned!.metadata
    expect({ userId, source, environment }).toEqual({ userId: 'ada', source: 'gamifier', environment: 'test' })
    expect(causationId).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('the leaderboard', () => {
  test('is the same when another process makes it anew', async () => {
    const store = new MemoryEventStore()
    const { commands } = await commandsOn(store)
    const deeds = [deed('ada', 'release'), deed('grace', 'push'), deed('ada', 'push'), deed('bob', 'push')]
    for (const each of deeds) await commands.dispatch(RecordActivity(each))
    const seen = []
    for (const _ of ['one process', 'another']) {
      await using leaderboard = new Leaderboard(store)
      await leaderboard.start()
      seen.push(await leaderboard.standings())
    }
    expect(seen[0]?.map(({ player, points }) => [player, points])).toEqual([
      ['ada', 12],
      ['bob', 2],
      ['grace', 2],
    ])
    expect(seen[1]).toEqual(seen[0])
  })

  test('counts once what is handed to it again, as its place was not noted', async () => {
    const store = new MemoryEventStore()
    const { commands } = await commandsOn(store)
    await commands.dispatch(RecordActivity(deed('ada', 'release')))
    const save = store.checkpoints.save.bind(store.checkpoints)
    let refused = 0
    vi.spyOn(store.checkpoints, 'save').mockImplementation((name, ...place) => {
      if (name === 'projection:leaderboard:1' && refused++ === 0) throw new Error('The connection is gone.')
      return save(name, ...place)
    })
    await using leaderboard = new Leaderboard(store)
    await leaderboard.start()
    expect(await leaderboard.standings()).toMatchObject([{ player: 'ada', points: 10, badges: ['newcomer'] }])
    expect(refused).toBeGreaterThan(1)
  })

  test('is checked against a count by hand, which leaves out robots', () => {
    const deeds = [
      deed('ada', 'release', '2026-01-01'),
      deed('ada', 'push', '2026-01-02'),
      deed('robot[bot]', 'push'),
      deed('bob', 'issues'),
    ]
    expect(recount(deeds, new RuleBook(), new Map([['bob', 2]]))).toEqual([
      { player: 'ada', points: 12, streak: 2 },
      { player: 'bob', points: 7, streak: 0 },
    ])
  })
})

test('a scoreboard that is off hears nothing, and hears again when it is on', async () => {
  await using live = createBus({ service: 'gamifier' })
  await live.start()
  const [announcer, scoreboard] = [new Announcer(live), new Scoreboard(live)]
  const say = async (message: string): Promise<void> => {
    await announcer.announce(new Notice('info', 'test', message))
    await live.idle()
  }
  await scoreboard.turnOn()
  await say('one')
  await scoreboard.turnOff()
  await say('two')
  await scoreboard.turnOn()
  await say('three')
  await scoreboard.turnOff()
  expect(scoreboard.shown.map(({ message }) => message)).toEqual(['one', 'three'])
})

test('the queue of dead letters can be read by any client, and keeps what could not be handled again', async () => {
  const exchange = `interline-demo-${randomUUID()}`
  const handledAgain: Deed[] = []
  let ready = false
  await using queue = await DeadLetterQueue.open(rabbitMqUrl(), exchange, async (each) => {
    if (!ready) throw new Error('not yet')
    handledAgain.push(each)
  })
  const connection = await connect(rabbitMqUrl())
  const channel = await connection.createConfirmChannel()
  const deeds = [deed('ada', 'juggling'), deed('bob', 'juggling')]
  const letter = JSON.stringify({ eventId: 'event-1', handler: 'ActivityHandler', attempts: 3, error: { message: 'no points' } })
  for (const payload of deeds) {
    channel.publish(exchange, queue.address.routingKey, Buffer.from(JSON.stringify({ payload })), {
      headers: { 'interline-letter': letter },
    })
  }
  await channel.waitForConfirms()
  await waitFor(async () => (await channel.checkQueue(exchange)).messageCount === 2, { what: 'both letters' })
  expect(await queue.letters()).toMatchObject([{ attempts: 3 }, { attempts: 3 }])
  await expect(queue.redrive()).rejects.toThrow('not yet')
  ready = true
  expect(await queue.redrive()).toBe(2)
  expect(handledAgain).toEqual(deeds)
  expect([await queue.letters(), await queue.redrive()]).toEqual([[], 0])
  await connection.close()
})
