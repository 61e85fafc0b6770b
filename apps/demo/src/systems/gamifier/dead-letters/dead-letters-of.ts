import type { CommandBus } from '@interline/domain'
import type { IEventBus } from 'interline'
import type { BrokerChoice } from '../../../places/choices.js'
import { RecordActivity } from '../commands.js'
import { type DeadLetterPlace, NoDeadLetters, OwnDeadLetters } from './dead-letter-place.js'
import { DeadLetterQueue } from './dead-letter-queue.js'

/** On RabbitMQ an exchange that the handler names; elsewhere the bus's own place; nowhere where that is wished. */
export async function deadLettersOf(bus: IEventBus, broker: BrokerChoice, wanted: boolean, commands: CommandBus): Promise<DeadLetterPlace> {
  if (!wanted) return new NoDeadLetters()
  if (broker.type !== 'rabbitmq') return new OwnDeadLetters(bus)
  const { url, prefix } = broker.rabbitmq
  return DeadLetterQueue.open(url, `${prefix}.gamifier-dead`, async (deed) => {
    await commands.dispatch(RecordActivity(deed, { correlationId: deed.delivery }))
  })
}
