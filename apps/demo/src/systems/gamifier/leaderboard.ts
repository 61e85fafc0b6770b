import { Projection } from '@interline/domain'
import type { IEventStore } from 'interline'
import { BadgeAwarded, LevelReached, type PlayerEvent, PointsEarned, StreakExtended } from './events.js'

/** A player as others see them. */
export interface Row {
  readonly player: string
  readonly points: number
  readonly level: number
  readonly streak: number
  readonly badges: readonly string[]
  /** Of the newest event that is counted here. */
  readonly version: number
}

/** Who leads, from the events of all players. It is in this process's memory, so each process makes it anew. */
export class Leaderboard implements AsyncDisposable {
  readonly #rows = new Map<string, Row>()
  readonly #projection: Projection

  constructor(store: IEventStore) {
    this.#projection = new Projection({ name: 'leaderboard', store, tearDown: () => this.#rows.clear() })
    this.#projection.on([PointsEarned, BadgeAwarded, LevelReached, StreakExtended], (event, { version }) => this.#count(event, version))
  }

  async start(): Promise<void> {
    await this.#projection.reset()
    await this.#projection.start()
  }

  /** With all that was stored when it was asked for. */
  async standings(): Promise<readonly Row[]> {
    await this.#projection.caughtUp()
    return [...this.#rows.values()].sort(byRank)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#projection.close()
  }

  #count(event: PlayerEvent, version: number): void {
    const player = event.aggregateId ?? ''
    const row = this.#rows.get(player) ?? { player, points: 0, level: 1, streak: 0, badges: [], version: 0 }
    // an event may come again, and counts once
    if (version > row.version) this.#rows.set(player, { ...row, ...gained(row, event), version })
  }
}

/** The most points first; of two who have the same, by name. */
export function byRank(left: Pick<Row, 'player' | 'points'>, right: Pick<Row, 'player' | 'points'>): number {
  return right.points - left.points || (left.player < right.player ? -1 : 1)
}

function gained(row: Row, event: PlayerEvent): Partial<Row> {
  switch (event.eventType) {
    case 'PointsEarned':
      return { points: row.points + event.data.points }
    case 'BadgeAwarded':
      return { badges: [...row.badges, event.data.badge] }
    case 'LevelReached':
      return { level: event.data.level }
    case 'StreakExtended':
      return { streak: event.data.days }
    default:
      return event satisfies never
  }
}
