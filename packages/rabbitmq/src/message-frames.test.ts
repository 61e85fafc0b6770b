import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { framesOf, largestFrame } from './message-frames.js'
import type { EncodedMessage } from './rabbitmq-message.js'

interface Frame {
  readonly type: number
  readonly channel: number
  readonly payload: Buffer
}

/** The client's own reader of what a server would get. */
const { decode } = createRequire(createRequire(import.meta.url).resolve('amqplib'))('./lib/defs.js') as {
  decode(id: number, bytes: Buffer): Record<string, unknown>
}
const publishMethod = 0x003c0028
const basicClass = 0x3c

function framesIn(text: string): readonly Frame[] {
  const bytes = Buffer.from(text, 'latin1')
  const frames: Frame[] = []
  for (let offset = 0; offset < bytes.length; ) {
    const size = bytes.readUInt32BE(offset + 3)
    expect(bytes[offset + 7 + size], 'the end of a frame').toBe(0xce)
    expect(size + 8).toBeLessThanOrEqual(largestFrame)
    frames.push({
      type: bytes.readUInt8(offset),
      channel: bytes.readUInt16BE(offset + 1),
      payload: bytes.subarray(offset + 7, offset + 7 + size),
    })
    offset += size + 8
  }
  return frames
}

function encoded(change: Partial<EncodedMessage> = {}): EncodedMessage {
  return { content: '{"n":1}', properties: { persistent: true }, headers: { cloudEvents_id: 'event-1' }, plain: true, ...change }
}

const address = { exchange: 'shop.orders:partition:3', routingKey: 'orders.created', wanted: true }

describe('the frames of a message', () => {
  it('say where it goes, what it is and what is in it, in UTF-8', () => {
    const headers = { cloudEvents_id: 'event-1', cloudEvents_source: '/żółw/🐢', gone: undefined, empty: '' }
    const content = '{"city":"Köln"}'
    const properties = { persistent: true, messageId: 'event-1', contentType: 'application/json' }
    const text = framesOf(300, { ...address, encoded: encoded({ content, headers, properties }) }) ?? ''
    const [method, header, body] = framesIn(text)
    expect([method, header, body].map((frame) => [frame?.type, frame?.channel])).toEqual([
      [1, 300],
      [2, 300],
      [3, 300],
    ])
    expect(method?.payload.readUInt32BE(0)).toBe(publishMethod)
    const { exchange, routingKey, mandatory, immediate } = decode(publishMethod, method?.payload.subarray(4) ?? Buffer.alloc(0))
    expect({ exchange, routingKey, mandatory, immediate }).toEqual({
      exchange: address.exchange,
      routingKey: 'orders.created',
      mandatory: true,
      immediate: false,
    })
    expect(header?.payload.readUInt16BE(0)).toBe(basicClass)
    expect(header?.payload.readBigUInt64BE(4)).toBe(BigInt(Buffer.byteLength(content)))
    expect(decode(basicClass, header?.payload.subarray(12) ?? Buffer.alloc(0))).toMatchObject({
      contentType: 'application/json',
      messageId: 'event-1',
      deliveryMode: 2,
      headers: { cloudEvents_id: 'event-1', cloudEvents_source: '/żółw/🐢', empty: '' },
    })
    expect(body?.payload.toString()).toBe(content)
  })

  it('carry any bytes, and no body where there are none', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const [, , body] = framesIn(framesOf(1, { ...address, encoded: encoded({ content: bytes }) }) ?? '')
    expect(body?.payload).toEqual(bytes)
    expect(framesIn(framesOf(1, { ...address, wanted: false, encoded: encoded({ content: '' }) }) ?? '')).toHaveLength(2)
  })

  it.each([
    ['of other kinds of headers', { headers: { count: 1 } }],
    ['with other properties', { plain: false }],
    ['with a large content', { content: 'x'.repeat(16_001) }],
    ['with a content that is large in bytes', { content: 'ż'.repeat(9_000) }],
    ['with large headers', { headers: { large: 'x'.repeat(16_001) } }],
    ['with a name that is too long', { headers: { ['x'.repeat(256)]: '' } }],
    ['with an id that is too long', { properties: { persistent: true, messageId: 'ż'.repeat(128) } }],
  ])('are left to the client for a message %s', (_what, change) => {
    expect(framesOf(1, { ...address, encoded: encoded(change) })).toBeUndefined()
  })

  it('are left to the client for a routing key that is too long', () => {
    expect(framesOf(1, { ...address, routingKey: 'x'.repeat(256), encoded: encoded() })).toBeUndefined()
  })
})
