import { CommandBus, defineCommand, type RequestHandlerObject, type RequestOf } from '@interline/domain'
import { staticSchema } from 'interline'
import type { Deed } from './events.js'
import type { Cause } from './player.js'
import type { Players } from './players.js'
import type { RuleBook } from './rules.js'

export const RecordActivity = defineCommand('RecordActivity', { schema: staticSchema<Deed>() })
export const GiveKudos = defineCommand('GiveKudos', { schema: staticSchema<{ readonly from: string; readonly to: string }>() })

export const kudosPoints = 2

type Recording = RequestOf<typeof RecordActivity>
type Giving = RequestOf<typeof GiveKudos>

class RecordActivityHandler implements RequestHandlerObject<Recording, void> {
  readonly #players: Players
  readonly #rules: RuleBook

  constructor(players: Players, rules: RuleBook) {
    this.#players = players
    this.#rules = rules
  }

  async handle(command: Recording): Promise<void> {
    const { data } = command
    const points = this.#rules.pointsFor(data.kind)
    await this.#players.change(data.player, (player) => player.earn(data, points, causeOf(command)))
  }
}

class GiveKudosHandler implements RequestHandlerObject<Giving, void> {
  readonly #players: Players

  constructor(players: Players) {
    this.#players = players
  }

  /** Nobody praises themselves. */
  validate({ data: { from, to } }: Giving): boolean {
    return from !== to
  }

  async handle(command: Giving): Promise<void> {
    const { to } = command.data
    const deed: Deed = { player: to, kind: 'kudos', delivery: command.id }
    await this.#players.change(to, (player) => player.earn(deed, kudosPoints, causeOf(command)))
  }
}

export async function commandsOf(players: Players, rules: RuleBook): Promise<CommandBus> {
  const commands = new CommandBus()
  await commands.register(RecordActivity, new RecordActivityHandler(players, rules))
  await commands.register(GiveKudos, new GiveKudosHandler(players))
  return commands
}

function causeOf({ id, metadata }: Recording | Giving): Cause {
  return { correlationId: metadata.correlationId, causationId: id }
}
