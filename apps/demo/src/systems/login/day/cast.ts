import { InMemoryAuthRepository } from '../account/auth-repository.js'
import type { PasswordHasher } from '../account/password-hasher.js'
import { cities, type Place, places } from '../account/place.js'
import { Profile } from '../account/profile.js'
import type { Chance } from './chance.js'
import { partsOfHash } from './secrets.js'

export interface Person {
  readonly userId: string
  readonly email: string
  readonly password: string
  readonly home: Place
  readonly device: string
  /** When the person's day begins, in UTC. */
  readonly morning: number
}

const devices = ['Firefox on Linux', 'Safari on iPhone', 'Chrome on Windows', 'Chrome on Android']

export function castOf(size: number, chance: Chance): readonly Person[] {
  return Array.from({ length: size }, (_, index): Person => {
    const number = String(index + 1).padStart(3, '0')
    const home = places[chance.below(places.length)] ?? cities.berlin
    return {
      userId: `user-${number}`,
      email: `person-${number}@example.com`,
      password: `Hush-${number}-${chance.below(2 ** 32).toString(36)}`,
      home,
      device: devices[chance.below(devices.length)] ?? '',
      morning: (32 - Math.round(home.longitude / 15)) % 24,
    }
  })
}

/** The hours at which the account was used before today. */
export function usualHours({ morning }: Person): readonly number[] {
  return Array.from({ length: 10 }, (_, hour) => (morning + hour) % 24)
}

/** Everybody has an account. Also answers what must not be seen anywhere. */
export async function castRepository(
  cast: readonly Person[],
  hasher: PasswordHasher,
): Promise<{ readonly repository: InMemoryAuthRepository; readonly secrets: readonly string[] }> {
  const repository = new InMemoryAuthRepository()
  const secrets = await Promise.all(
    cast.map(async (person) => {
      const { userId, email, password, home, device } = person
      const passwordHash = await hasher.hash(password)
      repository.add({ userId, email, passwordHash, profile: new Profile({ country: home.country, device, hours: usualHours(person) }) })
      return [password, ...partsOfHash(passwordHash)]
    }),
  )
  return { repository, secrets: secrets.flat() }
}
