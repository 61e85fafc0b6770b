import { describe, expect, it } from 'vitest'
import { DecodeError, EncodeError } from '../errors.js'
import { JsonCodec } from './json-codec.js'

const codec = new JsonCodec()
const roundTrip = (value: unknown) => codec.decode(codec.encode(value))

class Money {
  constructor(readonly cents: bigint) {}
  toJSON() {
    return { cents: this.cents }
  }
}

describe('JsonCodec', () => {
  it.each([
    ['ordinary data', { a: [1, 'text', null, true, { b: -0.5 }] }],
    ['unicode', { text: 'Grüße, 你好, 👋🏽, \u2028' }],
    ['empty things', { a: [], b: {}, c: '' }],
    ['deep data', Array.from({ length: 200 }).reduce<unknown>((inner) => ({ inner }), 'end')],
    ['halves of surrogate pairs', { text: '\ud83d and \ude00' }],
    ['null', null],
    ['text', 'text'],
    ['names that mean something elsewhere', { constructor: 1, prototype: 2, toString: 3 }],
  ])('brings back %s', (_name, value) => {
    expect(roundTrip(value)).toEqual(value)
  })

  it('writes a Date as ISO text and a bigint as decimal text', () => {
    expect(roundTrip({ at: new Date(0), big: 2n ** 70n, list: [1n] })).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      big: '1180591620717411303424',
      list: ['1'],
    })
  })

  it('drops undefined fields as JSON does, and follows toJSON', () => {
    expect(roundTrip({ a: undefined, money: new Money(5n) })).toEqual({ money: { cents: '5' } })
  })

  it('writes the fields of an instance', () => {
    class Point {
      constructor(
        readonly x: number,
        readonly y: bigint,
      ) {}
    }
    expect(roundTrip(new Point(1, 2n))).toEqual({ x: 1, y: '2' })
  })

  it('allows the same object twice where it is no cycle', () => {
    const shared = { n: 1n }
    expect(roundTrip({ a: shared, b: [shared, shared] })).toEqual({ a: { n: '1' }, b: [{ n: '1' }, { n: '1' }] })
  })

  const cycle: Record<string, unknown> = { name: 'loop' }
  cycle.list = [{ back: cycle }]
  it.each([
    ['NaN', { a: { b: [1, Number.NaN] } }, 'NaN at data.a.b[1]'],
    ['Infinity', [Number.POSITIVE_INFINITY], 'Infinity at data[0]'],
    ['a function', { run: () => 1 }, 'a function at data.run'],
    ['a symbol', { mark: Symbol('x') }, 'a symbol at data.mark'],
    ['a cycle', cycle, 'a cycle at data.list[0].back'],
    ['a Map', { map: new Map() }, 'a Map at data.map'],
    ['a Set', { set: new Set() }, 'a Set at data.set'],
    ['a promise', { later: Promise.resolve() }, 'a Promise at data.later'],
    ['an error, whose message would be lost', { error: new TypeError('x') }, 'a TypeError at data.error'],
    ['an invalid Date', { at: new Date(Number.NaN) }, 'an invalid Date at data.at'],
    ['bytes inside an object', { bytes: new Uint8Array(1) }, 'bytes at data.bytes'],
    ['a Buffer inside an object', { bytes: Buffer.from('x') }, 'bytes at data.bytes'],
    ['a field __proto__', JSON.parse('{"a":{"__proto__":1}}'), '"__proto__" at data.a'],
    ['endless depth', Array.from({ length: 5_000 }).reduce<unknown>((inner) => ({ inner }), 1), 'more than 500 levels'],
    ['nothing at all', undefined, 'no data'],
    [
      'a toJSON that gives a cycle',
      {
        toJSON() {
          return this
        },
      },
      'a cycle at data',
    ],
  ])('refuses %s and says where', (_name, value, message) => {
    expect(() => codec.encode(value)).toThrow(EncodeError)
    expect(() => codec.encode(value)).toThrow(message)
  })

  it.each(['', '{', '{"a":1}x', 'undefined', '\u0000'])('refuses to decode %j', (text) => {
    expect(() => codec.decode(text)).toThrow(DecodeError)
  })

  it('refuses bytes that are no UTF-8', () => {
    expect(() => codec.decode(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(/no UTF-8/)
    expect(codec.decode(new TextEncoder().encode('{"a":"ü"}'))).toEqual({ a: 'ü' })
  })

  it.each(['{"__proto__":{"admin":true}}', '{"a":[{"\\u005f_proto__":{}}]}', '{"a":{"__pr\\u006fto__":1}}'])('refuses %s', (text) => {
    expect(() => codec.decode(text)).toThrow(/"__proto__".*refused/)
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  it('allows the word __proto__ in a text', () => {
    expect(codec.decode('{"text":"__proto__ and \\u00e9"}')).toEqual({ text: '__proto__ and é' })
  })
})
