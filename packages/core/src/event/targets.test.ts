import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import { ConfigurationError, InvalidEventError } from '../errors.js'
import { defineEvent } from './define-event.js'
import { DomainEvent } from './domain-event.js'
import type { GeneralEvent } from './plain-event.js'
import { clearEventRegistry, modelOfTarget } from './registry.js'
import { staticSchema } from './standard-schema.js'
import { type AnyTarget, type EventOf, resolveTarget, topic } from './targets.js'
import type { ValueEvent } from './value-event.js'

class Shipped extends DomainEvent {
  readonly eventType = 'Shipped'
}
const define = () => defineEvent('Created', { topic: 'orders.created', schema: staticSchema<{ id: string }>() })

afterEach(clearEventRegistry)

describe('targets', () => {
  it('are definitions, classes, topics and names', () => {
    const Created = define()
    expect(resolveTarget([Created, Shipped, topic('orders.*'), 'billing.>', 'somewhere.else', 'Created'])).toEqual({
      models: [modelOfTarget(Created), modelOfTarget(Shipped)],
      types: ['Created', 'Shipped'],
      patterns: ['orders.*', 'billing.>'],
      bareNames: ['somewhere.else'],
    })
  })

  it('by name are a registered type before they are a topic', () => {
    define()
    expect(resolveTarget('Created')).toMatchObject({ types: ['Created'], bareNames: [] })
    expect(resolveTarget('orders.created')).toMatchObject({ types: [], bareNames: ['orders.created'] })
  })

  it('tell the compiler what a handler gets', () => {
    type Created = ReturnType<typeof define>
    expectTypeOf<EventOf<Created>>().toEqualTypeOf<ValueEvent<'Created', { id: string }>>()
    expectTypeOf<EventOf<typeof Shipped>>().toEqualTypeOf<Shipped>()
    expectTypeOf<EventOf<ReturnType<typeof topic<{ note: string }>>>>().toEqualTypeOf<{ note: string }>()
    expectTypeOf<EventOf<'orders.created'>>().toEqualTypeOf<GeneralEvent>()
    expectTypeOf<EventOf<readonly [Created, typeof Shipped]>>().toEqualTypeOf<ValueEvent<'Created', { id: string }> | Shipped>()
    expectTypeOf<Created>().toExtend<AnyTarget>()
    expectTypeOf<typeof Shipped>().toExtend<AnyTarget>()
  })

  it.each([
    ['an event', define()({ id: 'o' }), InvalidEventError, /Subscribe to the definition or class/],
    ['a function', () => undefined, InvalidEventError, /can't be subscribed to/],
    ['a built-in class', Promise, InvalidEventError, /can't be subscribed to/],
    ['nothing', undefined, InvalidEventError, /undefined can't be subscribed to/],
    ['an empty list', [], ConfigurationError, /list is empty/],
    ['an empty name', '', ConfigurationError, /is empty/],
    ['a bad pattern', 'orders.>.late', ConfigurationError, /before its end/],
    ['half a wildcard', 'orders*', ConfigurationError, /mixes a wildcard/],
  ])('refuse %s', (_name, target, error, message) => {
    expect(() => resolveTarget(target as AnyTarget)).toThrow(error)
    expect(() => resolveTarget(target as AnyTarget)).toThrow(message)
  })
})
