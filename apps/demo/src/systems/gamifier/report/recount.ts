import { isRobot } from '../activity-handler.js'
import type { Deed } from '../events.js'
import { byRank, type Row } from '../leaderboard.js'
import type { RuleBook } from '../rules.js'

const dayMs = 86_400_000

export type Counted = Pick<Row, 'player' | 'points' | 'streak'>

/** The leaderboard as anybody gets it who has the input and a pencil: no events, no store, no projection. */
export function recount(deeds: readonly Deed[], rules: RuleBook, kudos: ReadonlyMap<string, number>): readonly Counted[] {
  const players = new Set(deeds.map(({ player }) => player).filter((player) => !isRobot(player)))
  const rows = [...players].map((player) => {
    const own = deeds.filter((deed) => deed.player === player)
    const earned = own.reduce((sum, { kind }) => sum + rules.pointsFor(kind), 0)
    return { player, points: earned + (kudos.get(player) ?? 0), streak: streakOf(new Set(own.flatMap(({ day }) => day ?? []))) }
  })
  return rows.sort(byRank)
}

function streakOf(days: ReadonlySet<string>): number {
  const before = (day: string): string => new Date(Date.parse(day) - dayMs).toISOString().slice(0, 10)
  const endingAt = (day: string): number => (days.has(day) ? 1 + endingAt(before(day)) : 0)
  return Math.max(0, ...[...days].map(endingAt))
}
