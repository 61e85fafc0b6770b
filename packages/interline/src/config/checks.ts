import { ConfigurationError } from '@interline/core'
import { kindOf, shown } from './shown.js'
import { suggestion } from './suggestion.js'

/** Throws ConfigurationError, with path, value and what was expected, for a value that can't be used. */
export type Check = (value: unknown, path: string) => void

/** What is not shown even when it is wrong. */
const secretNames = new Set(['password', 'username', 'user'])

export function refuse(path: string, value: unknown, noun: string, expected: string): never {
  const last = path.slice(path.lastIndexOf('.') + 1)
  throw new ConfigurationError(`${path}: ${secretNames.has(last) ? kindOf(value) : shown(value)} is not ${noun}; expected ${expected}.`)
}

export const text: Check = (value, path) => {
  if (typeof value !== 'string' || value === '') refuse(path, value, 'usable', 'a text that is not empty')
}

export const flag: Check = (value, path) => {
  if (typeof value !== 'boolean') refuse(path, value, 'a boolean', 'true or false')
}

export function integer(from: number, to: number = Number.MAX_SAFE_INTEGER, noun = 'usable'): Check {
  const expected = to === Number.MAX_SAFE_INTEGER ? `an integer from ${from}` : `an integer from ${from} to ${to}`
  return (value, path) => {
    if (!Number.isSafeInteger(value) || (value as number) < from || (value as number) > to) refuse(path, value, noun, expected)
  }
}

export const port: Check = integer(1, 65_535, 'a port')

export const milliseconds: Check = (value, path) => {
  if (typeof value !== 'number' || !(value >= 0 && Number.isFinite(value))) refuse(path, value, 'a time', 'milliseconds, 0 or more')
}

export const share: Check = (value, path) => {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) refuse(path, value, 'a share', 'a number from 0 to 1')
}

/** A URL of one of these schemes. Its credentials are never shown. */
export function url(...schemes: readonly string[]): Check {
  return (value, path) => {
    const fits = typeof value === 'string' && schemes.some((scheme) => value.startsWith(`${scheme}://`)) && URL.canParse(value)
    if (!fits) refuse(path, value, 'such a URL', schemes.map((scheme) => `${scheme}://…`).join(' or '))
  }
}

export function oneOf(values: readonly string[], noun = 'one of them'): Check {
  return (value, path) => {
    if (values.includes(value as string)) return
    const near = typeof value === 'string' ? suggestion(value, values) : ''
    throw new ConfigurationError(`${path}: ${shown(value)} is not ${noun}; expected ${listed(values)}.${near}`)
  }
}

export function listOf(check: Check, noun: string): Check {
  return (value, path) => {
    if (!Array.isArray(value)) refuse(path, value, 'a list', `a list of ${noun}`)
    for (const [index, item] of value.entries()) check(item, `${path}[${index}]`)
  }
}

/** An instance of somebody's class, known by its methods. */
export function instance(what: string, ...methods: readonly string[]): Check {
  return (value, path) => {
    if (!isInstance(value, methods)) refuse(path, value, what, `${what}, which has ${listed(methods, 'and')}`)
  }
}

export function isInstance(value: unknown, methods: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function')
  )
}

/** A plain object with these fields and no others; fields that are undefined are as good as absent. */
export function shape(fields: Readonly<Record<string, Check>>): Check {
  const known = Object.keys(fields)
  return (value, path) => {
    for (const [name, field] of Object.entries(plainObject(value, path))) {
      const check = Object.hasOwn(fields, name) ? fields[name] : undefined
      // an unknown key's value is never shown: it may be a password whose name was misspelt
      if (check === undefined)
        throw new ConfigurationError(`${at(path, name)}: unknown key.${suggestion(name, known) || ` Known are ${listed(known, 'and')}.`}`)
      if (field !== undefined) check(field, at(path, name))
    }
  }
}

export function plainObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(path === '' ? 'config' : path, value, 'an object', 'an object with settings')
  const prototype: unknown = Object.getPrototypeOf(value)
  // an object of another realm has another Object.prototype, which has no prototype either
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new ConfigurationError(
      `${path === '' ? 'config' : path}: an object with a prototype of its own is not data; expected a plain object.`,
    )
  }
  return value as Record<string, unknown>
}

export function at(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

export function listed(words: readonly string[], last = 'or'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`
}
