import { EncodeError } from '../errors.js'

const quickDepth = 32
const maxDepth = 500

/** True where JSON.stringify says exactly what is there: plain objects and arrays of text, finite numbers, booleans and null. */
export function isOrdinary(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value)
    case 'object':
      return value === null || (depth < quickDepth && isOrdinaryObject(value, depth + 1))
    default:
      return false
  }
}

function isOrdinaryObject(value: object, depth: number): boolean {
  if (Array.isArray(value)) {
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return false
    for (const item of value) {
      if (!isOrdinary(item, depth)) return false
    }
    return true
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return isSoundDate(value)
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return false
  for (const name in value) {
    if (name === '__proto__') return false
    const field = (value as Record<string, unknown>)[name]
    if (field !== undefined && !isOrdinary(field, depth)) return false
  }
  return true
}

function isSoundDate(value: object): boolean {
  return value instanceof Date && !Number.isNaN(value.getTime())
}

/** The same value in plain JSON form. Throws EncodeError, with the path, for what has none. */
export function toOrdinary(value: unknown): unknown {
  return convert(value, [], [])
}

type Path = readonly (string | number)[]

function convert(value: unknown, path: Path, parents: readonly object[]): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return value
    case 'bigint':
      return value.toString()
    case 'number':
      return Number.isFinite(value) ? value : refuse(`the number ${value}`, path, 'Use null or leave the field out.')
    case 'object':
      return value === null ? null : convertObject(value, path, parents)
    default:
      return refuse(`a ${typeof value}`, path, 'Leave it out.')
  }
}

function convertObject(value: object, path: Path, parents: readonly object[]): unknown {
  if (parents.includes(value)) return refuse('a cycle', path, 'Refer to the other object by its id.')
  if (parents.length >= maxDepth) return refuse(`more than ${maxDepth} levels`, path.slice(0, 8), 'Flatten it.')
  if (value instanceof Date && Number.isNaN(value.getTime())) return refuse('an invalid Date', path, 'Use null or leave the field out.')
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return refuse('bytes', path, 'Use base64 text, or make the bytes the whole data.')
  if (hasNoForm(value)) return refuse(`a ${value.constructor.name}`, path, 'Turn it into a plain object or array.')
  const inside = [...parents, value]
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function') return convert(toJSON.call(value, String(path.at(-1) ?? '')), path, inside)
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return convert(value.valueOf(), path, inside)
  if (Array.isArray(value)) return Array.from(value, (item, index) => convert(item, [...path, index], inside))
  const result: Record<string, unknown> = {}
  for (const name of Object.keys(value)) {
    if (name === '__proto__') return refuse('a field "__proto__"', path, 'Rename it.')
    result[name] = convert((value as Record<string, unknown>)[name], [...path, name], inside)
  }
  return result
}

/** Objects that JSON.stringify would write as `{}`, losing what they hold. */
function hasNoForm(value: object): boolean {
  return (
    value instanceof Map ||
    value instanceof Set ||
    value instanceof WeakMap ||
    value instanceof WeakSet ||
    value instanceof Promise ||
    value instanceof RegExp ||
    (value instanceof Error && typeof (value as { toJSON?: unknown }).toJSON !== 'function')
  )
}

function refuse(what: string, path: Path, advice: string): never {
  const place = path.reduce<string>((text, step) => (typeof step === 'number' ? `${text}[${step}]` : `${text}.${step}`), 'data')
  throw new EncodeError(`JSON can't carry ${what} at ${place}. ${advice}`)
}
