import { type AnyEvent, InvalidEventError } from '@interline/core'
import { checkAggregateId, trackingOf, typeOfAggregateClass } from './tracking.js'

/** Something with an identity that says what happened to it, by events that are published when it is stored. */
export abstract class AggregateRoot<Event extends object = AnyEvent> {
  readonly id: string

  constructor(id: string) {
    this.id = checkAggregateId(id)
  }

  /** The static field `aggregateType` of its class, else the name of the class. */
  get aggregateType(): string {
    return typeOfAggregateClass(this.constructor)
  }

  /** Registered and neither stored nor handed out, in order. */
  get changes(): readonly Event[] {
    return trackingOf(this).changes as unknown as readonly Event[]
  }

  /** Hands out what was registered and forgets it: for who publishes it in the transaction that stores the aggregate. */
  pullEvents(): readonly Event[] {
    return trackingOf(this).changes.splice(0) as unknown as readonly Event[]
  }

  /** Says that something happened. Throws InvalidEventError where the event says that it happened to another. */
  protected registerEvent(event: Event): void {
    const { metadata } = event as { readonly metadata?: { readonly aggregateId?: unknown } }
    const { aggregateId } = metadata ?? {}
    if (aggregateId !== undefined && aggregateId !== this.id) {
      throw new InvalidEventError(
        `An event of the aggregate "${String(aggregateId)}" was registered by "${this.id}". Let it name its own, or leave it out.`,
      )
    }
    trackingOf(this).changes.push(event)
  }
}
