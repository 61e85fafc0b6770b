import { SubscriptionError } from '../errors.js'
import type { ReceivedEvent } from '../event/event-model.js'
import type { DeadLetter, DeadLetterReason } from '../ports/dead-letter-store.js'
import type { Delivery } from '../ports/delivery.js'
import type { GroupEngine } from './group-engine.js'
import { deadLetterOf, letterId } from './letter.js'
import type { ParkedCopy, Progress } from './progress.js'
import type { Share } from './share.js'

/** What happened to a delivery before it came here, as its letters tell it. */
export class Past {
  readonly #engine: GroupEngine
  readonly #delivery: Delivery
  readonly #received: ReceivedEvent | undefined
  /** Milliseconds since 1970; 0 before the first attempt. */
  firstAttemptAt = 0
  /** The dead letter that this is a copy of, where order is kept behind it, and when that died. */
  redriven: string | undefined
  diedAt: number | undefined
  /** The parked event that this is a copy of, and when that was parked. */
  parked: ParkedCopy | undefined
  parkedAt: number | undefined

  constructor(engine: GroupEngine, delivery: Delivery, received: ReceivedEvent | undefined) {
    this.#engine = engine
    this.#delivery = delivery
    this.#received = received
  }

  recall({ firstAttemptAt, letter, parked }: Progress): void {
    this.firstAttemptAt = firstAttemptAt
    this.redriven = letter
    this.parked = parked
  }

  /** What died again where order is kept takes the place of its letter, as it was the first of its key. */
  letterOf({ subscriber, started }: Share, reason: DeadLetterReason, error: Error, at?: number): DeadLetter {
    const { name, keepOrder, deadLetterAddress: address } = subscriber
    const keepsOrder = keepOrder && this.#engine.ordered && this.#delivery.message.key !== undefined
    return this.#letter(name, reason, error, started, { keepsOrder, address, at })
  }

  undecodable(handler: string, error: Error): DeadLetter {
    return this.#letter(handler, 'undecodable', error, 0)
  }

  orphan(handler: string, attempts: number): DeadLetter {
    const { group } = this.#engine
    const error = new SubscriptionError(
      `Group "${group}" has no handler "${handler}" here any more. Redrive it when there is one of that name again.`,
    )
    return this.#letter(handler, 'orphaned', error, attempts)
  }

  /** What is parked again takes the place of its letter, too. */
  parkedLetter({ subscriber, started, dueAt }: Share, reason: 'waiting' | 'parked', error: Error, at: number): DeadLetter {
    return deadLetterOf({
      ...this.#about(subscriber.name),
      id: this.parked?.id ?? letterId(this.#engine.group, subscriber.name, this.#delivery.ref),
      reason,
      error,
      attempts: started,
      firstAttemptAt: this.firstAttemptAt === 0 ? at : this.firstAttemptAt,
      deadAt: this.parkedAt ?? at,
      keepsOrder: true,
      address: undefined,
      dueAt: reason === 'waiting' ? dueAt : undefined,
    })
  }

  #letter(
    handler: string,
    reason: DeadLetterReason,
    error: Error,
    attempts: number,
    {
      keepsOrder = false,
      address,
      at = this.diedAt,
    }: Partial<Pick<DeadLetter, 'address'>> & { keepsOrder?: boolean; at?: number | undefined } = {},
  ): DeadLetter {
    const { redriven } = this
    const deadAt = at ?? this.#engine.clock.now()
    return deadLetterOf({
      ...this.#about(handler),
      id: redriven ? redriven : letterId(this.#engine.group, handler, this.#delivery.ref),
      reason,
      error,
      attempts,
      firstAttemptAt: this.firstAttemptAt === 0 ? deadAt : this.firstAttemptAt,
      deadAt,
      keepsOrder: keepsOrder || Boolean(redriven),
      address,
    })
  }

  #about(handler: string) {
    return { group: this.#engine.group, handler, message: this.#delivery.message, received: this.#received }
  }
}
