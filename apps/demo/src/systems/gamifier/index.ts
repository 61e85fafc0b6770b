import { EventTracker } from '@interline/telemetry'
import { createBus, topic } from 'interline'
import type { System } from '../system.js'
import { ActivityHandler } from './activity-handler.js'
import { Announcer } from './announcer.js'
import { commandsOf } from './commands.js'
import { deadLettersOf } from './dead-letters/dead-letters-of.js'
import { Activity, type PlayerEvent } from './events.js'
import { Leaderboard } from './leaderboard.js'
import { liveBroker } from './live-broker.js'
import { play } from './play.js'
import { Players } from './players.js'
import { reportOf } from './report/report.js'
import { RuleBook } from './rules.js'
import { Scoreboard } from './scoreboard.js'
import { settingsFrom } from './settings.js'

export const system: System = {
  title: 'a game of points, badges, levels and streaks, played by the people behind real webhooks',
  async run(world) {
    const { retry, deadLetters: keepsDead, tracking } = settingsFrom(process.env)
    const [broker, store] = [world.broker(), world.store()]
    const house = { service: 'gamifier', environment: 'demo' }
    const tracker = tracking ? new EventTracker() : undefined
    await using bus = createBus({ ...house, broker, store, instrumentation: tracker })
    await using live = createBus({ ...house, broker: liveBroker(broker, store) })
    await Promise.all([bus.start(), live.start()])

    const rules = new RuleBook()
    const players = new Players(bus.getStore())
    await using commands = await commandsOf(players, rules)
    await using deadLetters = await deadLettersOf(bus, broker, keepsDead, commands)
    await using leaderboard = new Leaderboard(bus.getStore())
    await leaderboard.start()

    const announcer = new Announcer(live)
    const activities = new ActivityHandler(commands, { ...retry, deadLetter: deadLetters.address }, announcer)
    await bus.subscribe(Activity, activities)
    await bus.subscribe(topic<PlayerEvent>('player.*'), announcer)

    const game = { bus, live, rules, players, commands, deadLetters, leaderboard, announcer, scoreboard: new Scoreboard(live), tracker }
    return await reportOf(game, await play(game), retry.maxAttempts)
  },
}
