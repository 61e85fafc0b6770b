import type { HandlerObject, IEventBus } from 'interline'
import { BadgeAwarded, LevelReached, Notice, type PlayerEvent } from './events.js'

/** Says aloud what is worth a look. */
export class Announcer implements HandlerObject<PlayerEvent> {
  readonly #live: IEventBus
  readonly #announced: Notice[] = []

  constructor(live: IEventBus) {
    this.#live = live
  }

  get announced(): readonly Notice[] {
    return this.#announced
  }

  filter(event: PlayerEvent): boolean {
    return event instanceof LevelReached || event instanceof BadgeAwarded
  }

  async handle(event: PlayerEvent): Promise<void> {
    const what = event instanceof LevelReached ? `reached level ${event.data.level}` : 'earned a badge'
    await this.announce(new Notice('info', 'players', `${event.aggregateId} ${what}`))
  }

  async announce(notice: Notice): Promise<void> {
    this.#announced.push(notice)
    await this.#live.publish(notice)
  }
}
