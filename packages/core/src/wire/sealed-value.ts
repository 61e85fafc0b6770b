import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { ConfigurationError, DecodeError } from '../errors.js'
import type { EncryptionKey } from '../ports/key-store.js'
import { jsonCodec } from './json-codec.js'

/** What stands in the place of an encrypted value: nonce, ciphertext and tag in one, as base64url. */
export interface SealedValue {
  readonly $encrypted: string
}

/** Where a value stands. It can be opened nowhere else. */
export interface Place {
  readonly eventId: string
  readonly type: string
  readonly field: string
}

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16
const base64url = /^[A-Za-z0-9_-]+$/

export function isSealed(value: unknown): value is SealedValue {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, '$encrypted')) return false
  return Object.keys(value).length === 1 && typeof (value as SealedValue).$encrypted === 'string'
}

/** AES-256-GCM (NIST SP 800-38D) with a random nonce. Throws EncodeError for a value that JSON can't carry. */
export function seal(value: unknown, key: EncryptionKey, place: Place): SealedValue {
  const plain = jsonCodec.encode(value)
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, checked(key), nonce, { authTagLength: tagBytes })
  cipher.setAAD(boundTo(key, place))
  const sealed = Buffer.concat([nonce, cipher.update(plain as string, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return { $encrypted: sealed.toString('base64url') }
}

/** Throws DecodeError for what was not sealed with this key for this place. */
export function unseal({ $encrypted }: SealedValue, key: EncryptionKey, place: Place): unknown {
  const bytes = base64url.test($encrypted) ? Buffer.from($encrypted, 'base64url') : Buffer.alloc(0)
  if (bytes.length <= nonceBytes + tagBytes) throw unreadable(place)
  const decipher = createDecipheriv(algorithm, checked(key), bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
  decipher.setAAD(boundTo(key, place))
  decipher.setAuthTag(bytes.subarray(-tagBytes))
  let plain: Buffer
  try {
    plain = Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()])
  } catch (cause) {
    throw unreadable(place, cause)
  }
  return jsonCodec.decode(plain)
}

function boundTo({ id }: EncryptionKey, { eventId, type, field }: Place): Buffer {
  return Buffer.from(JSON.stringify([eventId, type, field, id]))
}

function checked({ id, bytes }: EncryptionKey): Uint8Array {
  if (bytes instanceof Uint8Array && bytes.length === 32) return bytes
  throw new ConfigurationError(`The key store gave key "${id}" without its 32 bytes. Let it give AES-256 keys.`)
}

function unreadable({ eventId, type, field }: Place, cause?: unknown): DecodeError {
  return new DecodeError(`The field "${field}" of event "${type}" ${eventId} was not encrypted for it, or was changed since.`, { cause })
}
