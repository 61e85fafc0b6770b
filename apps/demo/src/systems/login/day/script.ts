import { castOf, type Person } from './cast.js'
import { Chance } from './chance.js'
import { evening, incidents, login, visit } from './incidents.js'
import { hourMs, minuteMs, type Step, thief } from './step.js'

export interface Day {
  readonly cast: readonly Person[]
  /** What happens to one account, in its order. */
  readonly lanes: readonly (readonly Step[])[]
}

const begin = Date.UTC(2025, 2, 3)

/** The same day in every run: most people come to work, and some have a bad day. */
export function scriptOf(size: number): Day {
  const chance = new Chance(20_250_303)
  const cast = castOf(size, chance)
  const lanes = cast.map((person, index) => {
    const morning = begin + person.morning * hourMs + chance.below(50) * minuteMs
    const typos = chance.below(5) === 0 ? 1 + chance.below(2) : 0
    const workday = [
      ...Array.from({ length: typos }, (_, typo) => login(person, morning + typo * minuteMs, { password: `${person.password}x` })),
      login(person, morning + 3 * minuteMs),
      visit(person, morning + 40 * minuteMs),
    ]
    const incident = incidents[index % 20]
    return [...workday, ...(incident?.(person, morning + hourMs, chance) ?? evening(person, morning, chance))]
  })
  return { cast, lanes: [...lanes, ...strangers(chance)] }
}

/** Addresses that nobody has: lists that are tried once each, one that is tried for long, and a password typed in the wrong field. */
function strangers(chance: Chance): readonly (readonly Step[])[] {
  const attempt = (email: string, minute: number): Step => {
    const password = `Hush-guess-${chance.below(2 ** 32).toString(36)}`
    return { kind: 'login', email, person: undefined, password, at: begin + minute * minuteMs, ...thief, times: 1 }
  }
  const listed = Array.from({ length: 30 }, (_, index) => [attempt(`nobody-${index}@example.com`, 120 + index)])
  const stubborn = Array.from({ length: 8 }, (_, index) => attempt('admin@example.com', 180 + index))
  return [...listed, stubborn, [attempt(`Hush-in-the-wrong-field-${chance.below(2 ** 32).toString(36)}`, 200)]]
}
