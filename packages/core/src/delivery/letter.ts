import type { ReceivedEvent } from '../event/event-model.js'
import type { DeadLetter, DeadLetterReason } from '../ports/dead-letter-store.js'
import type { WireMessage } from '../ports/message.js'

export interface LetterFacts {
  readonly group: string
  readonly handler: string
  readonly message: WireMessage
  /** The broker's name of the entry, which makes the id the same when the same failure is stored twice. */
  readonly ref: string
  readonly received: ReceivedEvent | undefined
  readonly reason: DeadLetterReason
  readonly error: Error
  readonly attempts: number
  readonly firstAttemptAt: number
  readonly deadAt: number
}

export function deadLetterOf(facts: LetterFacts): DeadLetter {
  const { message, received, error } = facts
  return {
    id: `${facts.group}:${facts.handler}:${facts.ref}`,
    group: facts.group,
    handler: facts.handler,
    destination: message.destination,
    topic: message.topic,
    eventType: received?.type ?? message.attributes.type ?? '',
    eventId: received?.metadata.eventId ?? message.attributes.id ?? '',
    correlationId: received?.metadata.correlationId ?? message.attributes.correlationid,
    reason: facts.reason,
    error: { name: error.name, message: error.message, stack: error.stack },
    attempts: facts.attempts,
    firstAttemptAt: facts.firstAttemptAt,
    deadAt: facts.deadAt,
    message,
  }
}
