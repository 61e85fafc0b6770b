import { DecodeError, EncodeError } from '../errors.js'
import type { ICodec } from '../ports/codec.js'
import { isOrdinary, toOrdinary } from './json-value.js'

/**
 * JSON, the default. A Date becomes ISO text and a bigint decimal text; `undefined` is dropped as JSON does. What JSON would change
 * silently (NaN, a Map, a function, bytes inside an object) or can't say (a cycle) throws EncodeError with its path. A field named
 * `__proto__` is refused, on encoding and on decoding.
 */
export class JsonCodec implements ICodec {
  readonly contentType = 'application/json'

  encode(data: unknown): string {
    const text = JSON.stringify(isOrdinary(data) ? data : toOrdinary(data)) as string | undefined
    if (text === undefined) throw new EncodeError('There is no data to encode as JSON.')
    return text
  }

  decode(data: string | Uint8Array): unknown {
    const text = typeof data === 'string' ? data : decodeUtf8(data)
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (cause) {
      throw new DecodeError(`The data is no JSON (${text.length} characters).`, { cause })
    }
    if (mayNamePrototype.test(text)) refusePrototype(value)
    return value
  }
}

/** The one that is used where none is given. */
export const jsonCodec: ICodec = new JsonCodec()

/** The name as it is, or with any of its characters escaped. */
const mayNamePrototype = /__proto__|\\u00/
const utf8 = new TextDecoder('utf-8', { fatal: true })

export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new DecodeError(`The data is no UTF-8 text (${bytes.length} bytes).`, { cause })
  }
}

function refusePrototype(root: unknown): void {
  const waiting: unknown[] = [root]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value !== 'object' || value === null) continue
    if (Object.hasOwn(value, '__proto__')) throw new DecodeError('The data has a field "__proto__". It was refused.')
    for (const item of Object.values(value)) waiting.push(item)
  }
}
