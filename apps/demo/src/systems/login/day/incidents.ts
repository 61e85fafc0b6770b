import { cities, type Place, places } from '../account/place.js'
import type { Person } from './cast.js'
import type { Chance } from './chance.js'
import { hourMs, minuteMs, type Step, thief } from './step.js'

const guesses = 12

export function login(person: Person, at: number, otherwise: Partial<Step> = {}): Step {
  const { email, password, home, device } = person
  return { kind: 'login', email, person, password, at, place: home, device, times: 1, ...otherwise }
}

export function visit(person: Person, at: number, otherwise: Partial<Step> = {}): Step {
  return login(person, at, { kind: 'visit', ...otherwise })
}

/** One thing new is nothing: a phone that was bought today. */
export function evening(person: Person, morning: number, chance: Chance): readonly Step[] {
  return [login(person, morning + 8 * hourMs, chance.below(4) === 0 ? { device: 'Safari on a new iPad' } : {})]
}

function wrongOnes(person: Person, from: number, count: number, otherwise: Partial<Step> = {}): readonly Step[] {
  return Array.from({ length: count }, (_, index) =>
    login(person, from + index * 20_000, { password: `${person.password}${index}`, ...otherwise }),
  )
}

/** Is locked out by mistakes, has the right one too early, and once more when the lock is over. */
function forgetful(person: Person, from: number): readonly Step[] {
  return [...wrongOnes(person, from, 5), login(person, from + 10 * minuteMs), login(person, from + 40 * minuteMs)]
}

/** As many failures, but with a pause: they are never within a quarter of an hour. */
function slow(person: Person, from: number): readonly Step[] {
  return [...wrongOnes(person, from, 4), ...wrongOnes(person, from + 20 * minuteMs, 4), login(person, from + 25 * minuteMs)]
}

/** From many addresses; the owner is locked out, too, until the attack is over. */
function bruteForced(person: Person, from: number, chance: Chance): readonly Step[] {
  const attack = wrongOnes(person, from, guesses).map((step) => ({
    ...step,
    place: places[chance.below(places.length)] ?? thief.place,
    device: thief.device,
  }))
  return [...attack, login(person, from + 20 * minuteMs), login(person, from + 90 * minuteMs)]
}

function guessedAtOnce(person: Person, from: number): readonly Step[] {
  return [login(person, from, { ...thief, password: `${person.password}0`, times: guesses }), login(person, from + 31 * minuteMs)]
}

/** The session of this morning is used from far away, with the owner's own device to all appearances; then the owner logs in again from home. */
function robbed(person: Person, from: number): readonly Step[] {
  const far = { place: farFrom(person.home) }
  return [
    visit(person, from, far),
    visit(person, from + minuteMs, far),
    visit(person, from + 5 * minuteMs),
    login(person, from + 6 * minuteMs),
  ]
}

/** The password is known to somebody far away. */
function phished(person: Person, from: number): readonly Step[] {
  const far = { ...thief, place: farFrom(person.home) }
  return [login(person, from, far), visit(person, from + minuteMs, far), login(person, from + hourMs)]
}

/** At home, with a new device at an hour that is not the person's. */
function nightOwl(person: Person, from: number): readonly Step[] {
  return [login(person, from + 14 * hourMs, { device: 'Firefox on a borrowed laptop' })]
}

/** By an airliner, which takes its time. */
function traveller(person: Person, from: number): readonly Step[] {
  return [login(person, from + 24 * hourMs, { place: farFrom(person.home) })]
}

/** More than 10,000 km from any home. */
function farFrom({ longitude }: Place): Place {
  return longitude > 60 ? cities.newYork : cities.sydney
}

/** What befalls eight in twenty. */
export const incidents = [forgetful, slow, bruteForced, guessedAtOnce, robbed, phished, nightOwl, traveller] as const
