import { DomainEvent, type EventMetadata, IntegrationEvent, SystemEvent } from 'interline'

type Metadata = Partial<EventMetadata>

/** Something that somebody did. */
export interface Deed {
  readonly player: string
  readonly kind: string
  /** Names this deed among all: what is told twice is still done once. */
  readonly delivery: string
  /** `2021-03-30`, where it is known. */
  readonly day?: string | undefined
}

/** What another service tells of its people. Those of one player keep their order. */
export class Activity extends IntegrationEvent<Deed> {
  static readonly key = ({ payload }: Pick<Activity, 'payload'>): string => payload.player
  readonly eventType = 'Activity'
  readonly topic = 'activity.github'
}

/** What happened to a player. */
abstract class OfPlayer<Data> extends DomainEvent {
  readonly data: Data

  constructor(player: string, data: Data, metadata?: Metadata) {
    super(player, 'player', undefined, { ...metadata, userId: player })
    this.data = data
  }
}

export class PointsEarned extends OfPlayer<Omit<Deed, 'player'> & { readonly points: number }> {
  readonly eventType = 'PointsEarned'
  readonly topic = 'player.points'
}

export class BadgeAwarded extends OfPlayer<{ readonly badge: string }> {
  readonly eventType = 'BadgeAwarded'
  readonly topic = 'player.badge'
}

export class LevelReached extends OfPlayer<{ readonly level: number }> {
  readonly eventType = 'LevelReached'
  readonly topic = 'player.level'
}

export class StreakExtended extends OfPlayer<{ readonly days: number }> {
  readonly eventType = 'StreakExtended'
  readonly topic = 'player.streak'
}

export type PlayerEvent = PointsEarned | BadgeAwarded | LevelReached | StreakExtended

/** For the screens that are on at the moment, and nobody else. */
export class Notice extends SystemEvent {
  readonly eventType = 'Notice'
  readonly topic = 'notice.gamifier'
}
