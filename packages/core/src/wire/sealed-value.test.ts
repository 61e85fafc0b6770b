import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../errors.js'
import { isSealed, seal, unseal } from './sealed-value.js'

const key = { id: 'k-1', bytes: randomBytes(32) }
const place = { eventId: 'e-1', type: 'UserRegistered', field: 'email' }

describe('a sealed value', () => {
  test.each([
    ['text', 'ana@example.org'],
    ['unicode', 'žluťoučký 🐎'],
    ['empty', ''],
    ['nothing', null],
    ['deep', { a: [1, { b: 'c' }] }],
  ])('gives back what it was: %s', (_, value) => {
    const sealed = seal(value, key, place)
    expect(isSealed(sealed)).toBe(true)
    expect(unseal(sealed, key, place)).toEqual(value)
  })

  test('is another one each time, and does not show what it holds', () => {
    const [one, other] = [seal('ana@example.org', key, place), seal('ana@example.org', key, place)]
    expect(one).not.toEqual(other)
    expect(Buffer.from(one.$encrypted, 'base64url').toString('latin1')).not.toContain('ana')
  })

  test.each([
    ['of another event', { place: { ...place, eventId: 'e-2' } }],
    ['of another type', { place: { ...place, type: 'UserBanned' } }],
    ['of another field', { place: { ...place, field: 'phone' } }],
    ['of another key', { key: { id: 'k-1', bytes: randomBytes(32) } }],
    ['of the same key under another name', { key: { id: 'k-2', bytes: key.bytes } }],
  ])('is refused in the place %s', (_, other) => {
    const sealed = seal('ana@example.org', key, place)
    const given = { key, place, ...other }
    expect(() => unseal(sealed, given.key, given.place)).toThrow(DecodeError)
  })

  test('is refused when any of its bytes was changed, or some are missing', () => {
    const bytes = Buffer.from(seal('ana', key, place).$encrypted, 'base64url')
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes)
      changed[index] = (changed[index] as number) ^ 1
      expect(() => unseal({ $encrypted: changed.toString('base64url') }, key, place)).toThrow(DecodeError)
      expect(() => unseal({ $encrypted: bytes.subarray(0, index).toString('base64url') }, key, place)).toThrow(DecodeError)
    }
  })

  test.each(['', 'A', '%%%', 'not base64 at all', 'A'.repeat(100_000)])('is refused where it is no such text', (text) => {
    expect(() => unseal({ $encrypted: text }, key, place)).toThrow(DecodeError)
  })

  test('is an object of that one field, and nothing else', () => {
    for (const value of [null, 'x', [], { $encrypted: 1 }, { $encrypted: 'x', more: 1 }, Object.create({ $encrypted: 'x' })]) {
      expect(isSealed(value)).toBe(false)
    }
  })
})
