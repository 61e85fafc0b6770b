export interface Place {
  readonly city: string
  readonly country: string
  readonly latitude: number
  readonly longitude: number
  /** The first two numbers of its addresses. */
  readonly network: string
}

const city = (name: string, country: string, latitude: number, longitude: number, network: string): Place => ({
  city: name,
  country,
  latitude,
  longitude,
  network,
})

/** Real cities with made-up addresses, in place of a database of addresses. */
export const cities = {
  berlin: city('Berlin', 'DE', 52.52, 13.405, '10.1'),
  hamburg: city('Hamburg', 'DE', 53.551, 9.994, '10.2'),
  paris: city('Paris', 'FR', 48.857, 2.352, '10.3'),
  madrid: city('Madrid', 'ES', 40.417, -3.703, '10.4'),
  london: city('London', 'GB', 51.507, -0.128, '10.5'),
  newYork: city('New York', 'US', 40.713, -74.006, '10.6'),
  saoPaulo: city('São Paulo', 'BR', -23.551, -46.633, '10.7'),
  nairobi: city('Nairobi', 'KE', -1.286, 36.817, '10.8'),
  mumbai: city('Mumbai', 'IN', 19.076, 72.878, '10.9'),
  singapore: city('Singapore', 'SG', 1.352, 103.82, '10.10'),
  sydney: city('Sydney', 'AU', -33.869, 151.209, '10.11'),
} as const
export const places: readonly Place[] = Object.values(cities)

const byNetwork: ReadonlyMap<string, Place> = new Map(places.map((place) => [place.network, place]))

/** `undefined` for an address that is in none of the ranges. */
export function placeOf(ipAddress: string): Place | undefined {
  return byNetwork.get(ipAddress.split('.', 2).join('.'))
}

const earthRadiusKm = 6_371

/** Along a great circle, by the haversine formula. */
export function distanceKm(one: Place, other: Place): number {
  const haversine = (degrees: number): number => Math.sin(radians(degrees) / 2) ** 2
  const share =
    haversine(other.latitude - one.latitude) +
    Math.cos(radians(one.latitude)) * Math.cos(radians(other.latitude)) * haversine(other.longitude - one.longitude)
  return 2 * earthRadiusKm * Math.asin(Math.sqrt(Math.min(1, share)))
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}
