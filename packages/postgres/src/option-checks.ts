import { ConfigurationError } from '@interline/core'

export type Check = (value: unknown, path: string) => void

/** Refuses what is no object of these keys, and every value that its check does not accept. */
export function checkKeys(value: unknown, path: string, checks: Readonly<Record<string, Check>>): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(path, value, 'an object')
  for (const [name, field] of Object.entries(value as object)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (check === undefined) throw new ConfigurationError(`Unknown option ${path}.${name}. Known are ${Object.keys(checks).join(', ')}.`)
    if (field !== undefined) check(field, `${path}.${name}`)
  }
}

export const text: Check = (value, path) => {
  if (typeof value !== 'string' || value === '') refuse(path, value, 'a text that is not empty')
}

export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER): Check {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  return (value, path) => {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) refuse(path, value, `a whole number ${range}`)
  }
}

export function kind(name: 'string' | 'boolean' | 'function'): Check {
  return (value, path) => {
    if (typeof value !== name) refuse(path, value, `a ${name}`)
  }
}

/** The beginning of a table's name; suffixes must still fit into PostgreSQL's 63 bytes. */
export const identifier: Check = (value, path) => {
  if (typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,39}$/.test(value)) return
  refuse(path, value, 'a name of up to 40 letters, digits and _, which does not begin with a digit')
}

/** Never shows a text, which may be a secret, except where it can't be one. */
export function refuse(path: string, value: unknown, expected: string): never {
  const shown = typeof value === 'number' || typeof value === 'boolean' || value === null ? String(value) : `a ${typeof value}`
  throw new ConfigurationError(`${path} is ${shown}; expected ${expected}.`)
}
