import type { Claim, ClaimResult } from '../ports/idempotency-store.js'
import type { HandlerProgress } from './progress.js'
import type { Subscriber } from './subscriber.js'

export const fresh: HandlerProgress = { started: 0, dueAt: 0 }
/** Handed out before, and nobody knows how that ended: a first run may have begun. */
const interrupted: HandlerProgress = { started: 1, dueAt: 0 }

const noClaims: readonly Claim[] = []

/** One handler that still has to run the event. */
export class Share {
  readonly subscriber: Subscriber
  started: number
  dueAt: number
  /** What dedup said; `claimed` also where there is no dedup. */
  claim: ClaimResult = 'claimed'
  claims: readonly Claim[] = noClaims

  constructor(subscriber: Subscriber, { started, dueAt }: HandlerProgress) {
    this.subscriber = subscriber
    this.started = started
    this.dueAt = dueAt
  }
}

/**
 * Where a handler begins with an event that has no progress. A process that dies has many in its hands: of those that may run only
 * once, none is given up before it was noted as begun.
 */
function firstShare(subscriber: Subscriber, redelivered: boolean): Share {
  return new Share(subscriber, redelivered && subscriber.retry.maxAttempts > 1 ? interrupted : fresh)
}

/** The shares of handlers that have no progress. */
export function firstShares(subscribers: readonly Subscriber[], redelivered: boolean): readonly Share[] {
  const [only] = subscribers
  if (only !== undefined && subscribers.length === 1) return [firstShare(only, redelivered)]
  return subscribers.map((subscriber) => firstShare(subscriber, redelivered))
}
