import { cities, type Place } from '../account/place.js'
import type { Person } from './cast.js'

/** Something that happens to an account, with all that is true of it. */
export interface Step {
  readonly kind: 'login' | 'visit'
  readonly email: string
  /** `undefined`: nobody has this address. */
  readonly person: Person | undefined
  readonly password: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly place: Place
  readonly device: string
  /** So many at the same moment. */
  readonly times: number
}

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
/** What strangers come from and with. */
export const thief = { place: cities.london, device: 'curl/8.5' } as const
