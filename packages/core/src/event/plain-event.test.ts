import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it } from 'vitest'
import { InvalidEventError } from '../errors.js'
import { jsonCodec } from '../wire/json-codec.js'
import { defineEvent } from './define-event.js'
import { toEnvelope } from './envelope.js'
import { arrivedMetadata } from './metadata.js'
import { clearEventRegistry, modelOfReceivedType } from './registry.js'

const defaults = { source: 'shop' }
const publish = (event: unknown) => toEnvelope(event, defaults)

afterEach(clearEventRegistry)

describe('plain objects as events', () => {
  it('take the flat form with eventType: what describes the event becomes metadata, the rest is data', () => {
    const envelope = publish({
      eventId: 'e-1',
      eventType: 'ESCROW_HELD',
      idempotencyKey: 'hold-123',
      timestamp: '2026-01-01T00:00:00.000Z',
      correlationId: 'c-1',
      source: 'wallet',
      version: '1.0',
      userId: 'user-123',
      amount: 100,
    })
    expect(envelope).toMatchObject({ topic: 'ESCROW_HELD', priority: 'normal', data: { userId: 'user-123', amount: 100 } })
    expect(envelope.model).toMatchObject({ type: 'ESCROW_HELD', version: 1 })
    const { metadata } = envelope
    expect(metadata).toMatchObject({
      eventId: 'e-1',
      idempotencyKey: 'hold-123',
      correlationId: 'c-1',
      source: 'wallet',
      userId: undefined,
    })
    expect(metadata.timestamp).toEqual(new Date('2026-01-01'))
  })

  it('take the form with metadata and data', () => {
    const envelope = publish({
      id: 'e-2',
      type: 'PointsAwarded',
      timestamp: new Date(5),
      version: 3,
      metadata: { correlationId: 'c', causationId: 'x', userId: 'u', source: 'game', environment: 'test' },
      aggregateId: 'player-1',
      aggregateType: 'Player',
      data: { points: 5 },
    })
    expect(envelope).toMatchObject({ key: 'player-1', data: { points: 5 }, model: { type: 'PointsAwarded', version: 3 } })
    expect(envelope.metadata).toMatchObject({ eventId: 'e-2', userId: 'u', environment: 'test', aggregateType: 'Player' })
  })

  it('take the flat form with type, as of integration and system events', () => {
    const envelope = publish({
      id: 'e',
      type: 'Paid',
      version: 1,
      metadata: { correlationId: 'c', source: 's' },
      service: 'pay',
      action: 'capture',
      payload: { a: 1 },
    })
    expect(envelope.data).toEqual({ service: 'pay', action: 'capture', payload: { a: 1 } })
  })

  it('keep id and type as data where eventId and eventType describe the event', () => {
    expect(publish({ eventId: 'e', eventType: 'Moved', id: 'wallet-1', type: 'debit', topic: 'x', priority: 5 }).data).toEqual({
      id: 'wallet-1',
      type: 'debit',
      topic: 'x',
      priority: 5,
    })
  })

  it('get a new id each time where they have none', () => {
    const event = { type: 'Tick', data: {} }
    expect(publish(event).metadata.eventId).not.toBe(publish(event).metadata.eventId)
  })

  it('may name topic and priority beside data', () => {
    expect(publish({ type: 'A', topic: 'a.b', priority: 'high', data: 1 })).toMatchObject({ topic: 'a.b', priority: 'high', data: 1 })
  })

  it('may come from another realm', () => {
    const event = runInNewContext('({ type: "Foreign", data: { list: [1] } })') as object
    expect(publish(event)).toMatchObject({ topic: 'Foreign', data: { list: [1] } })
    expect(jsonCodec.encode(publish(event).data)).toBe('{"list":[1]}')
  })

  it('follow the definition of their type', () => {
    defineEvent('Order', { version: 2, topic: 'orders.new', key: (data: unknown) => (data as { id: string }).id })
    expect(publish({ type: 'Order', data: { id: 'o-1' } })).toMatchObject({ topic: 'orders.new', key: 'o-1', model: { version: 2 } })
    expect(() => publish({ type: 'Order', version: 1, data: { id: 'o-1' } }).data).toThrow(/version 2, and the object says 1/)
  })

  it('arrive with their data’s fields on the event, beside the envelope’s', () => {
    const metadata = arrivedMetadata({
      eventId: 'e',
      timestamp: new Date(1),
      correlationId: 'c',
      source: 'wallet',
      aggregateId: 'a',
      idempotencyKey: 'k',
    })
    const data = { userId: 'u', amount: 1, version: 'of the data', source: 'bank', toString: 'text' }
    const event = modelOfReceivedType('HELD').receive({ type: 'HELD', version: 2, topic: 't', data, metadata })
    expect(event).toMatchObject({ type: 'HELD', eventType: 'HELD', version: 2, userId: 'u', amount: 1, data, eventId: 'e', id: 'e' })
    expect(event).toMatchObject({ correlationId: 'c', source: 'wallet', aggregateId: 'a', idempotencyKey: 'k', timestamp: new Date(1) })
    expect(event.toString).toBe(Object.prototype.toString)
  })

  it('are not polluted by a received field "__proto__"', () => {
    const metadata = arrivedMetadata({ eventId: 'e', timestamp: new Date(1), correlationId: 'c', source: 's' })
    const data = JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}') as unknown
    const event = modelOfReceivedType('X').receive({ type: 'X', version: 1, topic: 't', data, metadata })
    expect((event as { admin?: unknown }).admin).toBeUndefined()
    expect(({} as { admin?: unknown }).admin).toBeUndefined()
  })

  it.each([
    ['a field beside data, which would be lost', { type: 'A', data: {}, extra: 1 }, /"extra" beside "data"/],
    ['a version that is no number', { type: 'A', version: 'new', data: {} }, /version "new"/],
    ['metadata that is text', { type: 'A', metadata: 'x', data: {} }, /metadata of an event must be an object/],
    ['a numeric id', { type: 'A', id: 5, data: {} }, /"eventId" must be text/],
    ['a time that is none', { type: 'A', timestamp: {}, data: {} }, /no time/],
    ['a type that is no topic', { type: 'A B', data: {} }, /white space/],
    ['an own field __proto__', JSON.parse('{"type":"A","__proto__":1}'), /"__proto__"/],
  ])('are refused with %s', (_name, event, message) => {
    expect(() => publish(event).data).toThrow(InvalidEventError)
    expect(() => publish(event).data).toThrow(message)
  })
})
