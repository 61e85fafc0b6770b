import type { CommandBus } from '@interline/domain'
import type { HandlerObject, RetryStrategy } from 'interline'
import type { Announcer } from './announcer.js'
import { RecordActivity } from './commands.js'
import { type Activity, Notice } from './events.js'

/** Robots do not play. */
export function isRobot(player: string): boolean {
  return player.endsWith('[bot]')
}

/** Turns what people did elsewhere into commands of the game. */
export class ActivityHandler implements HandlerObject<Activity> {
  readonly retryStrategy: RetryStrategy
  readonly #commands: CommandBus
  readonly #announcer: Announcer

  constructor(commands: CommandBus, retryStrategy: RetryStrategy, announcer: Announcer) {
    this.#commands = commands
    this.retryStrategy = retryStrategy
    this.#announcer = announcer
  }

  filter({ payload }: Activity): boolean {
    return !isRobot(payload.player)
  }

  async handle({ payload, eventId, correlationId }: Activity): Promise<void> {
    await this.#commands.dispatch(RecordActivity(payload, { correlationId, causationId: eventId }))
  }

  async errorHandler({ message }: Error, { payload }: Activity): Promise<void> {
    await this.#announcer.announce(new Notice('warning', 'activities', `${payload.kind} of ${payload.player}: ${message}`))
  }
}
