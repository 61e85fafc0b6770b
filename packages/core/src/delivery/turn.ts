import { isPromise } from '../awaitable.js'
import type { Awaitable } from '../ports/abortable.js'
import type { DeadLetter } from '../ports/dead-letter-store.js'
import type { Delivery } from '../ports/delivery.js'
import type { GroupEngine } from './group-engine.js'
import type { Admission } from './letters-of-keys.js'
import type { Past } from './past.js'
import type { ParkedCopy } from './progress.js'
import type { Share } from './share.js'

/**
 * What is to be done with an event of a key, as far as its order decides. `duplicate`: it was handled before. `skip`: it was dealt with
 * before. `park`: its key waits for a retry. `hold`: another event of its key is dead.
 */
export type Turn =
  | { readonly kind: 'run' | 'duplicate' | 'skip' }
  | { readonly kind: 'park'; readonly letter: DeadLetter }
  | { readonly kind: 'hold'; readonly error: Error; readonly at: number }

/** Whose turn is looked up. */
export interface TurnOf {
  readonly engine: GroupEngine
  readonly delivery: Delivery
  readonly past: Past
  /** The letter that it is a copy of, of either kind. */
  readonly redriven: string | undefined
  readonly parked: ParkedCopy | undefined
}

const run: Turn = { kind: 'run' }
const duplicate: Turn = { kind: 'duplicate' }
const skip: Turn = { kind: 'skip' }

/** First what waits for a retry is asked for, then what waits behind a dead event: so what leaves the one may have to join the other. */
export function turnOf(of: TurnOf, share: Share, key: string): Awaitable<Turn> {
  const { parking } = of.engine
  const { redriven, parked } = of
  // what is a copy of a dead one goes before what is parked
  if (parking === undefined || redriven !== undefined) return behindTheDead(of, share, key)
  if (share.claim === 'done' && parked === undefined) return duplicate
  const admission = parking.admit(share.subscriber.name, key, of.delivery, parked)
  return isPromise(admission) ? admission.then((each) => afterParking(of, share, key, each)) : afterParking(of, share, key, admission)
}

function afterParking(of: TurnOf, share: Share, key: string, admission: Admission): Awaitable<Turn> {
  if (admission.kind === 'skip') return skip
  if (admission.kind === 'run') {
    if (admission.deadAt !== undefined) of.past.parkedAt = admission.deadAt
    return behindTheDead(of, share, key)
  }
  const error = new Error('An event of this key waits for its next attempt; this one waits behind it.')
  return { kind: 'park', letter: of.past.parkedLetter(share, 'parked', error, placeBehind(of, admission)) }
}

function behindTheDead(of: TurnOf, share: Share, key: string): Awaitable<Turn> {
  const { held } = of.engine
  const { redriven } = of
  // a copy of a letter is one also where its handler keeps order no more
  if (held === undefined || !(share.subscriber.keepOrder || redriven !== undefined)) return run
  if (share.claim === 'done' && redriven === undefined) return duplicate
  const admission = held.admit(share.subscriber.name, key, of.delivery, redriven)
  return isPromise(admission) ? admission.then((each) => afterTheDead(of, each)) : afterTheDead(of, admission)
}

function afterTheDead(of: TurnOf, admission: Admission): Turn {
  if (admission.kind === 'skip') return skip
  if (admission.kind === 'run') {
    if (admission.deadAt !== undefined) of.past.diedAt = admission.deadAt
    return run
  }
  return {
    kind: 'hold',
    error: new Error('An event of this key is dead; this one waits behind it.'),
    at: placeBehind(of, admission),
  }
}

/** Letters stand in the order of their times. */
function placeBehind({ engine }: TurnOf, { behind }: Extract<Admission, { readonly kind: 'park' }>): number {
  return Math.max(engine.clock.now(), behind + 1)
}
