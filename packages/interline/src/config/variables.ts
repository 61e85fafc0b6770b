import { ConfigurationError } from '@interline/core'
import { type Check, listed, milliseconds, oneOf } from './checks.js'
import { shown } from './shown.js'

export type Environment = Readonly<Record<string, string | undefined>>

/** Variables as they are set; one that is empty is as good as absent. */
export class Variables {
  readonly #environment: Environment

  constructor(environment: Environment) {
    this.#environment = environment
  }

  has(name: string): boolean {
    return this.text(name) !== undefined
  }

  text(name: string): string | undefined {
    const value = this.#environment[name]
    return value === '' ? undefined : value
  }

  checked(name: string, check: Check): string | undefined {
    const value = this.text(name)
    if (value !== undefined) check(value, name)
    return value
  }

  choice<const Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    return this.checked(name, oneOf(choices)) as Choice | undefined
  }

  /** A whole number that the check accepts. */
  number(name: string, check: Check): number | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const number = /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : undefined
    check(number ?? value, name)
    return number
  }

  delay(name: string): number | undefined {
    return this.number(name, milliseconds)
  }

  flag(name: string): boolean | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    if (/^(true|1|yes|on)$/i.test(value)) return true
    if (/^(false|0|no|off)$/i.test(value)) return false
    throw new ConfigurationError(`${name}: ${shown(value)} is not a boolean; expected true or false.`)
  }

  list(name: string): readonly string[] | undefined {
    return this.text(name)
      ?.split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  }

  /** The value of the first source that is set. Two sources that say different things are refused. */
  agreed<T>(sources: Readonly<Record<string, T | undefined>>): T | undefined {
    const said = Object.entries(sources).filter(([, value]) => value !== undefined)
    if (new Set(said.map(([, value]) => value)).size > 1) {
      throw new ConfigurationError(
        `${listed(
          said.map(([name]) => name),
          'and',
        )} contradict each other. Set one of them.`,
      )
    }
    return said[0]?.[1]
  }
}
