import type { Place } from '../account/place.js'
import { usualHours } from './cast.js'
import type { Answer } from './performance.js'
import type { Step } from './step.js'

/** What has to come of a step. */
export interface Expected {
  /** Sorted. */
  readonly answers: readonly Answer[]
  /** Types of the events, sorted. */
  readonly events: readonly string[]
}

const minuteMs = 60_000

/**
 * What the documentation promises, told from the script alone: shares no code with the system, counts failures by looking back, and
 * measures distances by another formula.
 */
export function expectedOf(lane: readonly Step[]): readonly Expected[] {
  const trusted: Step[] = []
  let failures: number[] = []
  let lockedAt = Number.NEGATIVE_INFINITY
  let open = false

  const visited = (step: Step): Expected => {
    if (!open) return { answers: ['ended'], events: [] }
    open = !strange(step, trusted)
    if (!open) return { answers: ['refused'], events: ['SuspiciousActivityDetected'] }
    trusted.push(step)
    return { answers: ['accepted'], events: [] }
  }
  const loggedIn = (step: Step): Expected => {
    const suspicious = strange(step, trusted)
    failures = []
    open = !suspicious
    if (!suspicious) trusted.push(step)
    return { answers: ['logged-in'], events: [...(suspicious ? ['SuspiciousActivityDetected'] : []), 'UserLoggedIn'] }
  }
  const failed = ({ at, times }: Step, looked: number): Expected => {
    failures.push(...Array.from({ length: looked }, () => at))
    const locks = failures.filter((failure) => at - failure < 15 * minuteMs).length >= 5
    if (locks) [lockedAt, failures] = [at, []]
    return {
      answers: [...repeat<Answer>('account-locked', times - looked), ...repeat<Answer>('invalid-credentials', looked)],
      events: [...(locks ? ['AccountLocked'] : []), ...repeat('LoginFailed', times)],
    }
  }
  return lane.map((step) => {
    if (step.kind === 'visit') return visited(step)
    const locked = step.at - lockedAt < 30 * minuteMs
    if (!locked && step.password === step.person?.password) return loggedIn(step)
    const recent = failures.filter((failure) => step.at - failure < 15 * minuteMs).length
    return failed(step, locked ? 0 : Math.min(step.times, 5 - recent))
  })
}

/** Whether this can't be who was there before, or is too new. */
function strange({ person, place, device, at }: Step, trusted: readonly Step[]): boolean {
  if (person === undefined) return false
  const last = trusted.at(-1)
  if (last !== undefined) {
    const km = kilometresBetween(last.place, place)
    if (km > 100 && km / ((at - last.at) / (60 * minuteMs)) > 900) return true
  }
  const hours = [...usualHours(person), ...trusted.map((each) => new Date(each.at).getUTCHours())]
  const hour = new Date(at).getUTCHours()
  const novelties = [
    place.country !== person.home.country && !trusted.some((each) => each.place.country === place.country),
    device !== person.device && !trusted.some((each) => each.device === device),
    !hours.some((known) => [-2, -1, 0, 1, 2].some((away) => (known + away + 24) % 24 === hour)),
  ]
  return novelties.filter(Boolean).length >= 2
}

/** By the angle between the two places as seen from the middle of the earth. */
function kilometresBetween(one: Place, other: Place): number {
  const [a, b] = [one, other].map(({ latitude, longitude }) => {
    const [up, round] = [(latitude * Math.PI) / 180, (longitude * Math.PI) / 180]
    return [Math.cos(up) * Math.cos(round), Math.cos(up) * Math.sin(round), Math.sin(up)]
  })
  const cosine = (a ?? []).reduce((sum, value, axis) => sum + value * (b?.[axis] ?? 0), 0)
  return 6_371 * Math.acos(Math.max(-1, Math.min(1, cosine)))
}

function repeat<Value>(value: Value, times: number): readonly Value[] {
  return Array.from({ length: times }, () => value)
}
