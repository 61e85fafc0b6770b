import { placeOf } from './place.js'

/** What a request shows of whoever sent it. */
export interface Origin {
  readonly ipAddress: string
  readonly userAgent?: string | undefined
}

/** Where, with what and when an account was used, as it may be kept. */
export interface Sighting {
  readonly ipAddress: string
  readonly device: string
  readonly country: string
  /** Milliseconds since 1970. */
  readonly at: number
}

export const unknownCountry = 'unknown'
const longestDevice = 120

export function sightingOf({ ipAddress, userAgent }: Origin, at: Date): Sighting {
  return { ipAddress, device: deviceOf(userAgent), country: placeOf(ipAddress)?.country ?? unknownCountry, at: at.getTime() }
}

/** The sender's own words: cut short, and on one line, as they go into logs. */
function deviceOf(userAgent: string | undefined): string {
  return (userAgent ?? 'unknown').replace(/[^\x20-\x7e]+/g, ' ').slice(0, longestDevice)
}
