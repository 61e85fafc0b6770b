import { EncodeError, type WireMessage } from '@interline/core'
import { describe, expect, it } from 'vitest'
import { partitionOf } from './key-space.js'
import { decodeBuffers, decodeEntry, encodeEntry, textFields } from './redis-message.js'

const message: WireMessage = {
  destination: 'orders',
  topic: 'orders.created',
  key: 'o-1',
  attributes: {
    id: '1',
    source: '/shop',
    specversion: '1.0',
    type: 'OrderCreated',
    datacontenttype: 'application/json',
    topic: 'orders.created',
    partitionkey: 'o-1',
  },
  data: '{"text":"żółw"}',
}

function fieldsOf(from: WireMessage): (string | Buffer)[] {
  const { names, values } = encodeEntry(from)
  return names.flatMap((name, index) => [name, values[index] ?? ''])
}

describe('an event as a stream entry', () => {
  it('has the fields of the standard', () => {
    const { names } = encodeEntry(message)
    expect(names).toEqual(['ce_id', 'ce_source', 'ce_specversion', 'ce_type', 'content-type', 'ce_topic', 'ce_partitionkey', 'data'])
  })

  it('comes back as it was', () => {
    expect(decodeEntry('orders', textFields(fieldsOf(message) as string[]))?.message).toEqual(message)
  })

  it('comes back as bytes where it was bytes, and is not read as text', () => {
    const bytes = { ...message, data: new Uint8Array([0, 255]) }
    const fields = fieldsOf(bytes).map((field) => Buffer.from(field as string))
    expect(decodeEntry('orders', textFields(fields.map(String)))).toBeUndefined()
    expect(Buffer.from(decodeBuffers('orders', fields).message.data as Uint8Array)).toEqual(Buffer.from([0, 255]))
  })

  it('carries the progress of a message for one group', () => {
    const redriven = { ...message, target: { group: 'mail', progress: 'half' } }
    expect(decodeEntry('orders', textFields(fieldsOf(redriven) as string[]))?.progress).toBe('half')
  })

  it('takes key and topic from the message where the attributes do not have them', () => {
    const plain = { ...message, attributes: { id: '1', type: 'T' } }
    expect(decodeEntry('orders', textFields(fieldsOf(plain) as string[]))?.message).toMatchObject({ key: 'o-1', topic: 'orders.created' })
  })

  it('of a stranger without a topic has the one of its destination', () => {
    expect(decodeEntry('orders', textFields(['ce_id', '1', 'ce_type', 'T', 'data', '']))?.message.topic).toBe('orders')
  })

  it('ignores names that are no attributes', () => {
    const decoded = decodeEntry('orders', textFields(['ce_id', '1', 'ce_type', 'T', 'ce___proto__', 'x', 'other', 'y', 'data', '']))
    expect(decoded?.message.attributes).toEqual({ id: '1', type: 'T' })
    expect(Object.getPrototypeOf(decoded?.message.attributes)).toBe(Object.prototype)
  })

  it('is undecodable without an id and a type, and keeps its bytes', () => {
    const decoded = decodeEntry('orders', textFields(['data', 'hello']))
    expect(decoded?.undecodable).toMatchObject({ code: 'INTERLINE_DECODE' })
    expect(Buffer.from(decoded?.message.data as Uint8Array).toString()).toBe('hello')
  })

  it('is refused with attributes that are not text or badly named, and with objects by reference', () => {
    expect(() => encodeEntry({ ...message, attributes: { id: 1 as unknown as string } })).toThrow(EncodeError)
    expect(() => encodeEntry({ ...message, attributes: { 'Not-A-Name': 'x' } })).toThrow('"Not-A-Name"')
    expect(() => encodeEntry({ ...message, data: { reference: {} } })).toThrow('Use a codec')
  })
})

describe('the partition of a key', () => {
  it('is FNV-1a over UTF-8, so that other languages find the same', () => {
    expect(partitionOf('', 0x1_0000_0000)).toBe(0x811c9dc5)
    expect(partitionOf('foobar', 0x1_0000_0000)).toBe(0xbf9cf968)
    expect(partitionOf('ä', 0x1_0000_0000)).toBe(partitionOf('ä', 0x1_0000_0000))
    expect(partitionOf('foobar', 8)).toBe(0xbf9cf968 % 8)
  })

  it('spreads keys', () => {
    const counts = new Array<number>(8).fill(0)
    for (let key = 0; key < 8_000; key++) counts[partitionOf(`order-${key}`, 8)]! += 1
    expect(Math.min(...counts)).toBeGreaterThan(800)
  })
})
