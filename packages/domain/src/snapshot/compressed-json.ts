import { promisify } from 'node:util'
import { gunzip, gunzipSync, gzip, gzipSync } from 'node:zlib'
import { EncodeError } from '@interline/core'

/** Below it the work is done before another thread would have begun. */
const smallBytes = 32_768
const gzipLater = promisify(gzip)
const gunzipLater = promisify(gunzip)

/** A value as compressed JSON, with the checksum of gzip. Throws EncodeError for what would come back as something else. */
export async function compressJson(value: unknown, maxBytes: number): Promise<Uint8Array> {
  checkPlain(value, 'state', 0)
  const bytes = Buffer.from(JSON.stringify(value))
  if (bytes.length > maxBytes) throw new EncodeError(`The state takes ${bytes.length} bytes, and maxBytes is ${maxBytes}.`)
  return bytes.length < smallBytes ? gzipSync(bytes) : gzipLater(bytes)
}

/** Throws for bytes that are damaged, or grow beyond `maxBytes`. */
export async function decompressJson(data: Uint8Array, maxBytes: number): Promise<unknown> {
  const limit = { maxOutputLength: maxBytes }
  const bytes = data.length < smallBytes ? gunzipSync(data, limit) : await gunzipLater(data, limit)
  return JSON.parse(bytes.toString('utf8')) as unknown
}

const maxDepth = 500

/** A Date or a Map would come back as text or as nothing: a state that is restored must be the state that was taken. */
function checkPlain(value: unknown, path: string, depth: number): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return
  if (typeof value === 'number' && Number.isFinite(value)) return
  if (depth > maxDepth) throw new EncodeError(`${path.slice(0, 80)}… is deeper than ${maxDepth} levels, or goes round in a circle.`)
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkPlain(item, `${path}[${index}]`, depth + 1)
    return
  }
  if (typeof value !== 'object' || !isPlain(value)) throw new EncodeError(`${path} is ${kindOf(value)}, which JSON can't bring back.`)
  for (const [name, field] of Object.entries(value)) {
    if (name === '__proto__') throw new EncodeError(`${path} has a field "__proto__".`)
    if (field !== undefined) checkPlain(field, `${path}.${name}`, depth + 1)
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === null || prototype === Object.prototype) && typeof (value as { readonly toJSON?: unknown }).toJSON !== 'function'
}

function kindOf(value: unknown): string {
  if (typeof value === 'object' && value !== null) return `a ${value.constructor?.name ?? 'object'}`
  return typeof value === 'number' ? String(value) : `of type ${typeof value}`
}
