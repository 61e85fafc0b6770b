import { DecodeError } from '../errors.js'

const refused: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** Throws DecodeError where received data, at any depth, has a field by which it could reach into a prototype. */
export function checkFieldNames(data: unknown, subject: string): void {
  const waiting: unknown[] = [data]
  const seen = new Set<object>()
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value !== 'object' || value === null || seen.has(value) || value instanceof Uint8Array) continue
    seen.add(value)
    for (const name of Object.keys(value)) {
      if (refused.has(name))
        throw new DecodeError(`The data of ${subject} has a field "${name}", which no event class may get. It was refused.`)
      waiting.push((value as Record<string, unknown>)[name])
    }
  }
}
