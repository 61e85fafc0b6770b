import type { ReceivedEvent } from '../event/event-model.js'
import type { DeadLetter, DeadLetterAddress, DeadLetterReason } from '../ports/dead-letter-store.js'
import type { WireMessage } from '../ports/message.js'

export interface LetterFacts {
  readonly group: string
  readonly handler: string
  readonly message: WireMessage
  readonly id: string
  readonly received: ReceivedEvent | undefined
  readonly reason: DeadLetterReason
  readonly error: Error
  readonly attempts: number
  readonly firstAttemptAt: number
  readonly deadAt: number
  readonly keepsOrder: boolean
  readonly address: DeadLetterAddress | undefined
  readonly dueAt?: number | undefined
}

/** The same when the same failure is stored twice, by the broker's name of the entry. */
export function letterId(group: string, handler: string, ref: string): string {
  return `${group}:${handler}:${ref}`
}

export function deadLetterOf(facts: LetterFacts): DeadLetter {
  const { message, received, error } = facts
  return {
    id: facts.id,
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
    ...(facts.keepsOrder ? { keepsOrder: true } : {}),
    ...(facts.address === undefined ? {} : { address: facts.address }),
    ...(facts.dueAt === undefined ? {} : { dueAt: facts.dueAt }),
    message,
  }
}
