import { afterEach, describe, expect, it } from 'vitest'
import { InvalidEventError } from '../errors.js'
import { defineEvent } from './define-event.js'
import { DomainEvent } from './domain-event.js'
import { toEnvelope } from './envelope.js'
import { clearEventRegistry } from './registry.js'

afterEach(clearEventRegistry)

describe('toEnvelope', () => {
  it('stamps what the event leaves open, on the event itself', () => {
    const event = defineEvent('A')({})
    const envelope = toEnvelope(event, { source: 'shop', correlationId: 'c', causationId: 'x', tenantId: 't' })
    expect(envelope.event).toBe(event)
    expect(envelope.metadata).toBe(event.metadata)
    expect(event.metadata).toMatchObject({ source: 'shop', correlationId: 'c', causationId: 'x', tenantId: 't' })
  })

  it.each([
    ['null', null, /null is no event/],
    ['undefined', undefined, /undefined is no event/],
    ['text', 'OrderCreated', /A string is no event/],
    ['a number', 5, /A number is no event/],
    ['a definition', defineEvent('Uncalled'), /function or class Uncalled/],
    [
      'a class',
      class Shipped extends DomainEvent {
        readonly eventType = 'Shipped'
      },
      /function or class Shipped/,
    ],
    ['an array', [{ type: 'A' }], /publishBatch/],
    ['a promise', Promise.resolve({ type: 'A' }), /await it first/],
    ['a Map', new Map(), /A Map is no event/],
    ['an error', new TypeError('x'), /A TypeError is no event/],
    ['an object without type', { orderId: 1 }, /without a type/],
    ['an object with an empty type', { type: '' }, /without a type/],
    ['an object whose type is a number', { type: 7 }, /without a type/],
    ['an object that inherits from nothing', Object.create(null), /without a type/],
    ['an object whose class can’t be seen', Object.create({ constructor: 5 }), /is no event/],
  ])('refuses %s', (_name, event, message) => {
    expect(() => toEnvelope(event, { source: 's' })).toThrow(InvalidEventError)
    expect(() => toEnvelope(event, { source: 's' })).toThrow(message)
  })
})
