import type { GatePlace } from '../flow/gate.js'
import type { Claim, ClaimResult } from '../ports/idempotency-store.js'
import { everyHandler, type HandlerProgress, type Progress } from './progress.js'
import type { Subscriber } from './subscriber.js'

const fresh: HandlerProgress = { started: 0, dueAt: 0 }
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
  /** What it has got of its handler's gate. */
  place: GatePlace | undefined = undefined
  /** Its gate has it wait: that says nothing of the event. */
  gated = false
  /** Why its last run failed. */
  error: Error | undefined = undefined

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

/** The shares of handlers that progress names, and those of them that are not here. */
export function sharesOf(
  { handlers }: Progress,
  wanting: readonly Subscriber[],
  group: { subscriberNamed(name: string): Subscriber | undefined },
): { readonly shares: readonly Share[]; readonly absent: readonly (readonly [string, HandlerProgress])[] } {
  const shares: Share[] = []
  const absent: (readonly [string, HandlerProgress])[] = []
  for (const [name, progress] of handlers) {
    const subscriber = group.subscriberNamed(name)
    if (subscriber !== undefined) shares.push(new Share(subscriber, progress))
    else if (name === everyHandler) shares.push(...wanting.map((each) => new Share(each, fresh)))
    else absent.push([name, progress])
  }
  shares.sort((left, right) => left.subscriber.priority - right.subscriber.priority)
  return { shares, absent }
}
