import type { Anomaly } from '../events.js'
import { distanceKm, placeOf } from './place.js'
import type { Sighting } from './sighting.js'

export const rule = {
  /** Faster than an airliner. */
  fastestKmPerHour: 900,
  /** Addresses are not where their users are to the kilometre. */
  nearKm: 100,
  /** From every hour at which the account was used before, around the clock. */
  unusualHoursAway: 3,
  /** So many novelties at a time are suspicious. One is a new phone, or a holiday. */
  suspiciousNovelties: 2,
} as const

const hourMs = 3_600_000

/** What is usual for an account. */
export class Profile {
  readonly #countries: Set<string>
  readonly #devices: Set<string>
  readonly #hours: Set<number>
  #last: Sighting | undefined

  constructor(known: { readonly country: string; readonly device: string; readonly hours: readonly number[] }) {
    this.#countries = new Set([known.country])
    this.#devices = new Set([known.device])
    this.#hours = new Set(known.hours)
  }

  anomaliesOf(sighting: Sighting): readonly Anomaly[] {
    const found: Anomaly[] = []
    if (!this.#countries.has(sighting.country)) found.push('new-country')
    if (!this.#devices.has(sighting.device)) found.push('new-device')
    if ([...this.#hours].every((hour) => hoursApart(hour, hourOf(sighting)) >= rule.unusualHoursAway)) found.push('unusual-hour')
    if (this.#last !== undefined && isImpossible(this.#last, sighting)) found.push('impossible-travel')
    return found
  }

  /** Only what was not suspicious may become usual. */
  learn(sighting: Sighting): void {
    this.#countries.add(sighting.country)
    this.#devices.add(sighting.device)
    this.#hours.add(hourOf(sighting))
    this.#last = sighting
  }
}

/** Impossible travel is enough; of the others it takes two. */
export function isSuspicious(anomalies: readonly Anomaly[]): boolean {
  return anomalies.includes('impossible-travel') || anomalies.length >= rule.suspiciousNovelties
}

function isImpossible(before: Sighting, now: Sighting): boolean {
  const [from, to] = [placeOf(before.ipAddress), placeOf(now.ipAddress)]
  if (from === undefined || to === undefined) return false
  const km = distanceKm(from, to)
  return km > rule.nearKm && km > rule.fastestKmPerHour * (Math.abs(now.at - before.at) / hourMs)
}

function hourOf({ at }: Sighting): number {
  return new Date(at).getUTCHours()
}

function hoursApart(one: number, other: number): number {
  const apart = Math.abs(one - other)
  return Math.min(apart, 24 - apart)
}
