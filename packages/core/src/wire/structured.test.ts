import { describe, expect, it } from 'vitest'
import { DecodeError } from '../errors.js'
import type { WireData, WireMessage } from '../ports/message.js'
import { CloudEventsFormat } from './cloud-events.js'
import { readStructured, writeStructured } from './structured.js'

const format = new CloudEventsFormat()
const required = { specversion: '1.0', id: '1', source: '/s', type: 'T' }
const structured = (data: WireData, datacontenttype = 'application/cloudevents+json'): WireMessage => ({
  destination: 'd',
  topic: 't',
  key: undefined,
  attributes: { datacontenttype },
  data,
})
const document = (fields: object, contentType?: string) => structured(JSON.stringify({ ...required, ...fields }), contentType)

describe('structured mode', () => {
  it('is read like binary mode, whatever the case and parameters of its content type', () => {
    const fields = { data: { a: 1 }, partitionkey: 'k', topic: 'orders.created', correlationid: 'c', subject: null }
    const read = readStructured(document(fields, 'Application/CloudEvents+JSON; charset=UTF-8'))
    expect(read).toMatchObject({
      topic: 'orders.created',
      key: 'k',
      data: '{"a":1}',
      attributes: { datacontenttype: 'application/json', correlationid: 'c' },
    })
    expect(read.attributes).not.toHaveProperty('subject')
    expect(format.decode(document(fields))).toMatchObject({ type: 'T', topic: 'orders.created', data: { a: 1 } })
  })

  it('reads bytes from base64 and text of other kinds as it is', () => {
    expect(format.decode(document({ data_base64: 'AP8=', datacontenttype: 'application/octet-stream' })).data).toEqual(
      new Uint8Array([0, 255]),
    )
    expect(format.decode(document({ data: '<a/>', datacontenttype: 'text/xml' })).data).toBe('<a/>')
  })

  it('does not parse a string under a JSON content type again', () => {
    expect(format.decode(document({ data: '{"a":1}', datacontenttype: 'application/json' })).data).toBe('{"a":1}')
    expect(format.decode(document({ data: null })).data).toBeNull()
    expect(format.decode(document({})).data).toBeUndefined()
  })

  it('reads bytes of the document too', () => {
    const text = JSON.stringify({ ...required, data: 'ü', sequence: 7, urgent: true })
    expect(readStructured(structured(new TextEncoder().encode(text))).attributes).toMatchObject({ sequence: '7', urgent: 'true' })
  })

  it.each([
    ['JSON', '{"a":[1,"ü"]}', 'application/json', { a: [1, 'ü'] }],
    ['bytes', new Uint8Array([0, 255]), 'application/octet-stream', new Uint8Array([0, 255])],
    ['text', 'plain "text"', 'text/plain', 'plain "text"'],
  ])('is written so that %s comes back', (_name, data, datacontenttype, expected) => {
    const written = writeStructured({
      destination: 'd',
      topic: 't',
      key: 'k',
      attributes: { ...required, datacontenttype, topic: 't' },
      data,
    })
    expect(written.attributes).toMatchObject({ datacontenttype: 'application/cloudevents+json', id: '1' })
    expect(JSON.parse(written.data as string)).toMatchObject({ ...required, datacontenttype })
    expect(format.decode(written).data).toEqual(expected)
  })

  it('is written without data where there is none', () => {
    const written = writeStructured({ destination: 'd', topic: 't', key: undefined, attributes: required, data: '' })
    expect(JSON.parse(written.data as string)).toEqual(required)
  })

  it.each([
    ['a batch', document({}, 'application/cloudevents-batch+json'), /batch/],
    ['another format', document({}, 'application/cloudevents+avro'), /avro/],
    ['no JSON', structured('{'), /no JSON document/],
    ['an array', structured('[]'), /one JSON object/],
    ['both kinds of data', document({ data: 1, data_base64: 'AA==' }), /both data and data_base64/],
    ['base64 that is none', document({ data_base64: '***' }), /no base64/],
    ['an attribute that is an object', document({ extra: {} }), /"extra" must be text/],
    ['a number beyond 32 bits', document({ extra: 2 ** 40 }), /32 bits/],
    ['an attribute name with a capital', document({ Extra: 'x' }), /no attribute name/],
    ['__proto__ as attribute', structured(`{"specversion":"1.0","__proto__":{"id":"1"}}`), /no attribute name/],
    ['no id', structured('{"specversion":"1.0"}'), /no attribute "id"/],
  ])('refuses %s', (_name, message, error) => {
    expect(() => format.decode(message)).toThrow(DecodeError)
    expect(() => format.decode(message)).toThrow(error)
  })
})
