import { ConfigurationError } from './errors.js'

/**
 * How the options of an adapter are checked, for authors of adapters. A check takes a value and its path and throws ConfigurationError
 * where the value is not what it must be; it is not asked about `undefined`, which is the same as an option that is left out.
 *
 * ```ts
 * const { integer, text, within } = optionChecks
 * checkOptions(options, 'store.mine', { url: text, port: integer(1, 65_535), pool: within({ max: integer(1) }) })
 * ```
 */
export type OptionCheck = (value: unknown, path: string) => void

export type OptionCheckList = Readonly<Record<string, OptionCheck>>

/** Refuses what is no object of these keys, and every value that its check does not accept. */
export function checkOptions(value: unknown, path: string, checks: OptionCheckList): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuseOption(path, value, 'an object')
  for (const [name, field] of Object.entries(value as object)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (check === undefined) throw new ConfigurationError(`Unknown option ${path}.${name}. Known are ${Object.keys(checks).join(', ')}.`)
    if (field !== undefined) check(field, `${path}.${name}`)
  }
}

/** Says what kind of value was found. Texts stay unseen, because a password may have been put into the wrong place. */
export function refuseOption(path: string, value: unknown, expected: string): never {
  const found =
    typeof value === 'number' || typeof value === 'boolean'
      ? `${typeof value === 'number' ? 'the number ' : ''}${value}`
      : value === null
        ? 'null'
        : Array.isArray(value)
          ? 'an array'
          : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
  throw new ConfigurationError(`${path} must be ${expected}, and is ${found}.`)
}

/** What options mostly are. */
export const optionChecks = {
  text: (value: unknown, path: string): void => {
    if (typeof value !== 'string' || value === '') refuseOption(path, value, 'a text that is not empty')
  },

  /** A whole number. Both ends are included. */
  integer(least: number, most: number = Number.MAX_SAFE_INTEGER): OptionCheck {
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
    return (value, path) => {
      if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return
      refuseOption(path, value, `a whole number ${range}`)
    }
  },

  kind(name: 'string' | 'boolean' | 'function'): OptionCheck {
    return (value, path) => {
      if (typeof value !== name) refuseOption(path, value, `a ${name}`)
    }
  },

  oneOf(...known: readonly string[]): OptionCheck {
    const words = known.map((each) => `'${each}'`)
    const expected = words.length === 1 ? String(words[0]) : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
    return (value, path) => {
      if (!known.includes(value as string)) refuseOption(path, value, expected)
    }
  },

  /** An object of options of its own. */
  within(checks: OptionCheckList): OptionCheck {
    return (value, path) => checkOptions(value, path, checks)
  },

  logger: (value: unknown, path: string): void => {
    if (typeof (value as { readonly warn?: unknown } | null)?.warn !== 'function') refuseOption(path, value, 'a logger with a method warn')
  },
} as const
