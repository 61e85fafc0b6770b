import { afterEach, describe, expect, it } from 'vitest'
import { DecodeError, EncodeError } from '../errors.js'
import { defineEvent } from '../event/define-event.js'
import { toEnvelope } from '../event/envelope.js'
import { EventPriority } from '../event/priority.js'
import { clearEventRegistry } from '../event/registry.js'
import type { WireData, WireMessage } from '../ports/message.js'
import { CloudEventsFormat } from './cloud-events.js'

const format = new CloudEventsFormat()
const foreign = { id: 'f-1', source: '/other', specversion: '1.0', type: 'Foreign' }
const message = (attributes: Record<string, string>, data: WireData = ''): WireMessage => ({
  destination: 'd',
  topic: 'a.topic',
  key: undefined,
  attributes,
  data,
})

afterEach(clearEventRegistry)

const full = {
  eventId: 'e-1',
  timestamp: new Date('2026-01-02T03:04:05.678Z'),
  correlationId: 'c-1',
  causationId: 'x-1',
  userId: 'u-1',
  source: 'shop',
  environment: 'test',
  tenantId: 't-1',
  idempotencyKey: 'i-1',
  aggregateId: 'a-1',
  aggregateType: 'Order',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'vendor=1',
}

describe('CloudEventsFormat', () => {
  it('writes the attributes that the standard and its extensions name', () => {
    const Order = defineEvent('OrderCreated', { version: 2, topic: 'orders.created', priority: EventPriority.HIGH })
    const written = new CloudEventsFormat(undefined, { origin: 'bus-1' }).encode(
      toEnvelope(Order({ total: 5 }, full), { source: 's' }),
      'orders',
    )
    expect(written).toEqual({
      destination: 'orders',
      topic: 'orders.created',
      key: 'a-1',
      data: '{"total":5}',
      attributes: {
        specversion: '1.0',
        id: 'e-1',
        source: 'shop',
        type: 'OrderCreated',
        time: '2026-01-02T03:04:05.678Z',
        datacontenttype: 'application/json',
        subject: 'a-1',
        topic: 'orders.created',
        partitionkey: 'a-1',
        dataversion: '2',
        correlationid: 'c-1',
        causationid: 'x-1',
        priority: 'high',
        tenantid: 't-1',
        userid: 'u-1',
        idempotencykey: 'i-1',
        origin: 'bus-1',
        environment: 'test',
        aggregateid: 'a-1',
        aggregatetype: 'Order',
        traceparent: full.traceparent,
        tracestate: 'vendor=1',
      },
    })
    for (const name of Object.keys(written.attributes)) expect(name).toMatch(/^[a-z0-9]{1,20}$/)
  })

  it('reads back all that it wrote', () => {
    const Order = defineEvent('OrderCreated', { version: 2, topic: 'orders.created' })
    const read = format.decode(format.encode(toEnvelope(Order({ total: 5 }, full), { source: 's' }), 'orders'))
    expect(read).toEqual({
      type: 'OrderCreated',
      version: 2,
      topic: 'orders.created',
      data: { total: 5 },
      metadata: expect.objectContaining(full),
    })
  })

  it('leaves out what is not said, and reads its absence', () => {
    const envelope = toEnvelope(defineEvent('Tick')(undefined), { source: 's' })
    const written = format.encode(envelope, 'Tick')
    expect(Object.keys(written.attributes).sort()).toEqual(['correlationid', 'id', 'source', 'specversion', 'time', 'topic', 'type'])
    expect(format.decode(written)).toMatchObject({ version: 1, data: undefined, metadata: { correlationId: envelope.metadata.eventId } })
  })

  it('reads a foreign message that has only the required attributes', () => {
    const read = format.decode(message(foreign, '{"a":1}'))
    expect(read).toMatchObject({ type: 'Foreign', version: 1, topic: 'a.topic', data: { a: 1 } })
    expect(read.metadata).toMatchObject({ eventId: 'f-1', correlationId: 'f-1', source: '/other', userId: undefined })
    expect(read.metadata.timestamp).toBeInstanceOf(Date)
  })

  it('carries bytes as bytes', () => {
    const bytes = new Uint8Array([0, 255, 1])
    const written = format.encode(toEnvelope(defineEvent('Image')(bytes), { source: 's' }), 'Image')
    expect(written).toMatchObject({ data: bytes, attributes: { datacontenttype: 'application/octet-stream' } })
    expect(format.decode(written).data).toEqual(bytes)
    const empty = format.encode(toEnvelope(defineEvent('Empty')(new Uint8Array()), { source: 's' }), 'Empty')
    expect(format.decode(empty).data).toEqual(new Uint8Array())
  })

  it.each([
    ['application/json; charset=utf-8', '{"a":1}', { a: 1 }],
    ['application/vnd.shop+json', '[1]', [1]],
    ['text/plain', 'hello', 'hello'],
    ['text/plain', new TextEncoder().encode('hello'), 'hello'],
    ['application/xml', '<a/>', '<a/>'],
    ['application/octet-stream', 'abc', new TextEncoder().encode('abc')],
  ])('reads data of type %s', (datacontenttype, data, expected) => {
    expect(format.decode(message({ ...foreign, datacontenttype }, data)).data).toEqual(expected)
  })

  it('uses another codec for its own content type, and still reads JSON', () => {
    const codec = {
      contentType: 'application/x-reverse',
      encode: (data: unknown) => [...String(data)].reverse().join(''),
      decode: (data: string | Uint8Array) => [...String(data)].reverse().join(''),
    }
    const other = new CloudEventsFormat(codec)
    const written = other.encode(toEnvelope(defineEvent('R')('abc'), { source: 's' }), 'R')
    expect(written).toMatchObject({ data: 'cba', attributes: { datacontenttype: 'application/x-reverse' } })
    expect(other.decode(written).data).toBe('abc')
    expect(other.decode(message({ ...foreign, datacontenttype: 'application/json' }, '{}')).data).toEqual({})
  })

  it('accepts any RFC 3339 time', () => {
    const time = '2026-01-02T04:04:05.678912+01:00'
    expect(format.decode(message({ ...foreign, time })).metadata.timestamp).toEqual(new Date('2026-01-02T03:04:05.678Z'))
  })

  it.each([
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'nonsense',
  ])('ignores the bad traceparent %s with its tracestate', (traceparent) => {
    expect(format.decode(message({ ...foreign, traceparent, tracestate: 'a=1' })).metadata).toMatchObject({
      traceparent: undefined,
      tracestate: undefined,
    })
  })

  it.each([
    ['no id', { ...foreign, id: '' }, '', /no attribute "id"/],
    ['no attributes', {}, '', /no attribute "id"/],
    ['another version of the standard', { ...foreign, specversion: '0.3' }, '', /version "0.3"/],
    ['a bad time', { ...foreign, time: 'yesterday' }, '', /time "yesterday"/],
    ['a time that is none', { ...foreign, time: '2026-13-01T00:00:00Z' }, '', /RFC 3339/],
    ['a bad dataversion', { ...foreign, dataversion: '1e3' }, '', /dataversion "1e3"/],
    ['a dataversion beyond 32 bits', { ...foreign, dataversion: '4294967296' }, '', /dataversion/],
    ['data that is no JSON', { ...foreign, datacontenttype: 'application/json' }, '{', /"f-1" can't be read as application\/json/],
    ['empty data of type JSON', { ...foreign, datacontenttype: 'application/json' }, '', /can't be read/],
    ['a field __proto__', foreign, '{"__proto__":{"admin":true}}', /__proto__/],
    ['an event by reference', foreign, { reference: {} }, /same codec/],
  ])('refuses to decode a message with %s', (_name, attributes, data, message_) => {
    expect(() => format.decode(message(attributes as Record<string, string>, data))).toThrow(DecodeError)
    expect(() => format.decode(message(attributes as Record<string, string>, data))).toThrow(message_)
  })

  it('refuses text that no attribute may hold, and data that it can’t carry', () => {
    const Any = defineEvent('Any')
    const encode = (data: unknown, userId?: string) => () => format.encode(toEnvelope(Any(data, { userId }), { source: 's' }), 'Any')
    expect(encode({}, 'a\r\nce_admin: 1')).toThrow(EncodeError)
    expect(encode({}, '\ud800')).toThrow(/"userid"/)
    expect(encode({ a: Number.NaN })).toThrow(/Event "Any".*data\.a/)
    expect(encode({}, 'Jürgen 👋')).not.toThrow()
  })
})
