import type { CommandBus } from '@interline/domain'
import type { EventTracker } from '@interline/telemetry'
import type { IEventBus } from 'interline'
import { activityOf, deeds, newKind } from './activities.js'
import type { Announcer } from './announcer.js'
import { GiveKudos, kudosPoints } from './commands.js'
import type { DeadLetterPlace, Letter } from './dead-letters/dead-letter-place.js'
import type { Deed, Notice } from './events.js'
import type { Leaderboard, Row } from './leaderboard.js'
import type { Players } from './players.js'
import { scrape } from './report/scrape.js'
import type { RuleBook } from './rules.js'
import type { Scoreboard } from './scoreboard.js'

/** All parts of the game, connected. */
export interface Game {
  readonly bus: IEventBus
  readonly live: IEventBus
  readonly rules: RuleBook
  readonly players: Players
  readonly commands: CommandBus
  readonly deadLetters: DeadLetterPlace
  readonly leaderboard: Leaderboard
  readonly announcer: Announcer
  readonly scoreboard: Scoreboard
  readonly tracker: EventTracker | undefined
}

/** What came of it. */
export interface Played {
  readonly deeds: readonly Deed[]
  readonly published: number
  readonly letters: readonly Letter[]
  readonly redriven: number
  readonly kudos: { readonly to: string; readonly points: number }
  readonly standings: readonly Row[]
  /** What Prometheus was told before the dead were redriven. */
  readonly scraped: string | undefined
  /** While the scoreboard was on. */
  readonly announced: readonly Notice[]
  readonly shown: readonly Notice[]
}

const oneInThisManyIsToldTwice = 12
const admirers = 8
const pointsOfNewKind = 6

export async function play(game: Game): Promise<Played> {
  const { bus, live, announcer, scoreboard, tracker } = game
  const all = deeds()
  const twice = all.filter((_deed, index) => index % oneInThisManyIsToldTwice === 0)
  const activities = [...all, ...twice].map(activityOf)
  await scoreboard.turnOn()
  await bus.publishBatch(activities)
  await bus.idle()
  await live.idle()
  await scoreboard.turnOff()
  const announced = [...announcer.announced]
  const scraped = tracker === undefined ? undefined : await scrape(tracker)

  const letters = await game.deadLetters.letters()
  game.rules.add(newKind, pointsOfNewKind)
  const redriven = await game.deadLetters.redrive()
  const kudos = await praise(game)
  const standings = await game.leaderboard.standings()
  return { deeds: all, published: activities.length, letters, redriven, kudos, standings, scraped, announced, shown: scoreboard.shown }
}

/** Everybody praises the first of the leaderboard at the same time. */
async function praise({ commands, leaderboard }: Game): Promise<Played['kudos']> {
  const [first] = await leaderboard.standings()
  if (first === undefined) throw new Error('Nobody plays.')
  const to = first.player
  const given = Array.from({ length: admirers }, (_, index) => GiveKudos({ from: `admirer-${index}`, to }))
  await Promise.all(given.map((command) => commands.dispatch(command)))
  return { to, points: given.length * kudosPoints }
}
