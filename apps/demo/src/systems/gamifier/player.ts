import { EventSourcedAggregate } from '@interline/domain'
import type { EventMetadata } from 'interline'
import { BadgeAwarded, type Deed, LevelReached, type PlayerEvent, PointsEarned, StreakExtended } from './events.js'
import { badges, levelFor, longestStreak } from './rules.js'

/** Which command an event comes from, and what that belongs to. */
export type Cause = Pick<EventMetadata, 'correlationId' | 'causationId'>

/** One who collects points, and what comes of them. */
export class Player extends EventSourcedAggregate<PlayerEvent> {
  static readonly aggregateType = 'player'
  static readonly events = [PointsEarned, BadgeAwarded, LevelReached, StreakExtended]
  #points = 0
  #level = 1
  #streak = 0
  readonly #badges = new Set<string>()
  readonly #days = new Set<string>()
  readonly #kinds = new Map<string, number>()
  readonly #deliveries = new Set<string>()

  get points(): number {
    return this.#points
  }

  get badges(): readonly string[] {
    return [...this.#badges]
  }

  /** Counts a deed once, however often it is told. */
  earn({ player: _, ...deed }: Deed, points: number, cause: Cause): void {
    if (this.#deliveries.has(deed.delivery)) return
    this.addEvent(new PointsEarned(this.id, { ...deed, points }, cause))
    const achieved = { points: this.#points, kinds: this.#kinds }
    for (const [badge, deserved] of Object.entries(badges)) {
      if (!this.#badges.has(badge) && deserved(achieved)) this.addEvent(new BadgeAwarded(this.id, { badge }, cause))
    }
    const level = levelFor(this.#points)
    if (level > this.#level) this.addEvent(new LevelReached(this.id, { level }, cause))
    const days = longestStreak(this.#days)
    if (days > this.#streak) this.addEvent(new StreakExtended(this.id, { days }, cause))
  }

  apply(event: PlayerEvent): void {
    switch (event.eventType) {
      case 'PointsEarned': {
        const { kind, day, delivery, points } = event.data
        this.#points += points
        this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1)
        this.#deliveries.add(delivery)
        if (day !== undefined) this.#days.add(day)
        return
      }
      case 'BadgeAwarded':
        this.#badges.add(event.data.badge)
        return
      case 'LevelReached':
        this.#level = event.data.level
        return
      case 'StreakExtended':
        this.#streak = event.data.days
        return
      default:
        event satisfies never
    }
  }
}
