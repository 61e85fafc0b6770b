import { type Check, check } from '../../../report/check.js'
import type { SystemReport } from '../../system.js'
import { newKind } from '../activities.js'
import { isRobot } from '../activity-handler.js'
import type { Game, Played } from '../play.js'
import { type History, historyOf } from './history.js'
import { recount } from './recount.js'
import { countedIn } from './scrape.js'

export async function reportOf(game: Game, played: Played, maxAttempts: number): Promise<SystemReport> {
  const { deeds, published, kudos, standings, shown, announced } = played
  const history = await historyOf(game.bus.getStore())
  const stats = await game.tracker?.getStats({ type: 'Activity' })
  const [leader] = standings
  return {
    figures: {
      deeds: deeds.length,
      published,
      players: standings.length,
      'their events': history.events,
      leader: `${leader?.player} with ${leader?.points} points, level ${leader?.level} and ${leader?.badges.length} badges`,
      conflicts: game.players.conflicts,
      notices: `${shown.length} of ${announced.length} seen over ${game.live.getBroker().name}`,
      ...(stats === undefined ? {} : { 'latency p99 (ms)': Math.round(stats.timeDistribution.p99) }),
    },
    checks: [
      leaderboardCheck(game, played),
      historyCheck(history),
      check(
        `of concurrent commands for ${kudos.to}, none is lost to another`,
        game.players.conflicts > 0 && history.kudosPoints === kudos.points,
        `${game.players.conflicts} conflicts, ${history.kudosPoints} of ${kudos.points} points`,
      ),
      deathCheck(game, played, maxAttempts),
      check('the correlation of an activity finds all that came of it', history.strayed.length === 0, history.strayed.join(', ')),
      scoreboardCheck(played),
      ...metricsChecks(played, maxAttempts),
    ],
  }
}

function leaderboardCheck({ rules, deadLetters }: Game, { deeds, kudos, standings }: Played): Check {
  const counted = deadLetters.address.enabled ? deeds : deeds.filter(({ kind }) => kind !== newKind)
  const expected = recount(counted, rules, new Map([[kudos.to, kudos.points]]))
  const found = standings.map(({ player, points, streak }) => ({ player, points, streak }))
  const [is, should] = [JSON.stringify(found), JSON.stringify(expected)]
  return check('the leaderboard is what a recount of the input gives', is === should, `${is} instead of ${should}`)
}

function historyCheck({ gaps, repeated }: History): Check {
  const problems = [...gaps.map((gap) => `gap before ${gap}`), ...repeated.map((deed) => `${deed} twice`)]
  return check('no deed is stored twice, and no version left out', problems.length === 0, problems.join(', '))
}

function deathCheck({ deadLetters }: Game, { deeds, letters, redriven }: Played, maxAttempts: number): Check {
  const found = `${letters.length} letters after ${letters.map(({ attempts }) => attempts).join(', ')} attempts, ${redriven} redriven`
  const what = 'the activity that nobody can judge'
  if (!deadLetters.address.enabled) return check(`${what} is kept nowhere, as was asked for`, letters.length + redriven === 0, found)
  const allDied = letters.length === poisonsOf(deeds) && letters.every(({ attempts }) => attempts === maxAttempts)
  const says = `${what} died to ${deadLetters.name} in attempt ${maxAttempts}, and was redriven`
  return check(says, allDied && redriven === letters.length, found)
}

function scoreboardCheck({ shown, announced }: Played): Check {
  const known = new Set(announced.map(({ eventId }) => eventId))
  const strange = shown.filter(({ eventId }) => !known.delete(eventId)).map(({ message }) => message)
  return check(
    'the scoreboard showed what was announced while it was on, once',
    shown.length > 0 && strange.length === 0,
    strange.join(', '),
  )
}

/** One run for each deed, also of those that the handler's filter lets pass unseen; and those that failed. */
function metricsChecks({ deeds, scraped }: Played, maxAttempts: number): readonly Check[] {
  if (scraped === undefined) return []
  const poisons = poisonsOf(deeds)
  const expected = [deeds.length - poisons, poisons * maxAttempts]
  const found = [countedIn(scraped, 'Activity', 'processed'), countedIn(scraped, 'Activity', 'failed')]
  return [
    check(
      'Prometheus is told of every run',
      found.join() === expected.join(),
      `${found.join(' and ')} instead of ${expected.join(' and ')}`,
    ),
  ]
}

function poisonsOf(deeds: Played['deeds']): number {
  return deeds.filter(({ kind, player }) => kind === newKind && !isRobot(player)).length
}
