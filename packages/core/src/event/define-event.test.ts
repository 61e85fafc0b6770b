import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { ConfigurationError, DecodeError, ValidationError } from '../errors.js'
import { defineEvent } from './define-event.js'
import { toEnvelope } from './envelope.js'
import type { ReceivedEvent } from './event-model.js'
import { arrivedMetadata } from './metadata.js'
import { EventPriority } from './priority.js'
import { clearEventRegistry, modelByType, modelOfEvent, modelOfTarget } from './registry.js'
import { staticSchema } from './standard-schema.js'
import type { EventOf } from './targets.js'
import type { ValueEvent } from './value-event.js'

const metadata = arrivedMetadata({ eventId: 'e-1', timestamp: new Date(0), correlationId: 'c-1', source: 's' })
const received = (data: unknown, version = 1): ReceivedEvent => ({ type: 'T', version, topic: 't', data, metadata })
const defaults = { source: 'shop' }

afterEach(clearEventRegistry)

describe('defineEvent', () => {
  it('makes events that have four fields and answer the rest', () => {
    const OrderCreated = defineEvent('OrderCreated', { version: 2, topic: 'orders.created', schema: staticSchema<{ orderId: string }>() })
    const event = OrderCreated({ orderId: 'o-1' }, { correlationId: 'req-789' })
    expect(Object.keys(event)).toEqual(['type', 'version', 'data', 'metadata'])
    expect(event).toMatchObject({ type: 'OrderCreated', version: 2, data: { orderId: 'o-1' } })
    expect(event).toMatchObject({
      eventType: 'OrderCreated',
      correlationId: 'req-789',
      eventId: event.id,
      timestamp: event.metadata.timestamp,
    })
    expect({ ...OrderCreated }).toMatchObject({ type: 'OrderCreated', version: 2, topic: 'orders.created', priority: 'normal' })
  })

  it('infers the input of a schema for publishing and its output for handlers', () => {
    const Dated = defineEvent('Dated', {
      schema: z.object({ at: z.string().transform((text) => new Date(text)), note: z.string().default('') }),
    })
    expectTypeOf(Dated).parameter(0).toEqualTypeOf<{ at: string; note?: string | undefined }>()
    expectTypeOf<EventOf<typeof Dated>>().toEqualTypeOf<ValueEvent<'Dated', { at: Date; note: string }>>()
    const Typed = defineEvent('Typed', { schema: staticSchema<{ id: number }>(), key: (data) => data.id.toFixed() })
    expectTypeOf(Typed).parameter(0).toEqualTypeOf<{ id: number }>()
    expectTypeOf<EventOf<readonly [typeof Dated, typeof Typed]>>().toEqualTypeOf<EventOf<typeof Dated> | EventOf<typeof Typed>>()
  })

  it('sends the input and hands out the output', () => {
    const Dated = defineEvent('Dated', { schema: z.object({ at: z.string().transform((text) => new Date(text)) }) })
    const envelope = toEnvelope(Dated({ at: '2026-01-01' }), defaults)
    expect(envelope.model.validate?.(envelope.data)).toBeUndefined()
    expect(envelope.data).toEqual({ at: '2026-01-01' })
    expect(envelope.model.receive(received(envelope.data))).toMatchObject({ data: { at: new Date('2026-01-01') }, eventId: 'e-1' })
  })

  it('names event, path and reason when data does not fit', () => {
    const Order = defineEvent('Order', { schema: z.object({ lines: z.array(z.object({ count: z.number() })) }) })
    const model = modelOfTarget(Order)
    const validate = () => model?.validate?.({ lines: [{ count: 'many' }] })
    expect(validate).toThrow(ValidationError)
    expect(validate).toThrow(/event "Order".*lines\.0\.count/)
    expect(() => model?.receive(received({}))).toThrow(/event "Order" e-1/)
  })

  it('waits for a schema that validates asynchronously', async () => {
    const Slow = defineEvent('Slow', { schema: z.object({ name: z.string().refine(async (name) => name !== 'bad') }) })
    const model = modelOfTarget(Slow)
    await expect(model?.receive(received({ name: 'good' }))).resolves.toMatchObject({ data: { name: 'good' } })
    await expect(model?.validate?.({ name: 'bad' })).rejects.toThrow(ValidationError)
  })

  it('takes a schema that is a function', () => {
    const schema = Object.assign(() => undefined, {
      '~standard': { version: 1 as const, vendor: 'test', validate: (value: unknown) => ({ value: [value] }) },
    })
    const model = modelOfTarget(defineEvent('Function', { schema }))
    expect(model?.receive(received('x'))).toMatchObject({ data: ['x'] })
  })

  it('raises old data step by step to its version', () => {
    const Order = defineEvent('Order', {
      version: 3,
      schema: z.object({ total: z.number(), currency: z.string() }),
      upcast: { 1: (data: { amount: number }) => ({ total: data.amount }), 2: (data: object) => ({ ...data, currency: 'EUR' }) },
    })
    const model = modelOfTarget(Order)
    expect(model?.receive(received({ amount: 5 }, 1))).toMatchObject({ version: 3, data: { total: 5, currency: 'EUR' } })
    expect(model?.receive(received({ total: 5 }, 2))).toMatchObject({ data: { total: 5, currency: 'EUR' } })
  })

  it('says which version it cannot raise, and keeps the cause of a step that fails', () => {
    const model = modelOfTarget(defineEvent('Order', { version: 3, upcast: { 2: (data: { list: string[] }) => data.list.length } }))
    expect(() => model?.receive(received({}, 1))).toThrow(/version 1.*upcast: \{ 1:/)
    expect(() => model?.receive(received({}, 2))).toThrow(DecodeError)
  })

  it('leaves data that is newer than it knows to its schema', () => {
    const model = modelOfTarget(defineEvent('Order', { schema: z.object({ id: z.string() }) }))
    expect(model?.receive(received({ id: 'o', extra: 1 }, 9))).toMatchObject({ data: { id: 'o' } })
  })

  it('keeps order by its key, else by the aggregate', () => {
    const Keyed = defineEvent('Keyed', { schema: staticSchema<{ id: string }>(), key: (data) => data.id })
    const Free = defineEvent('Free')
    expect(toEnvelope(Keyed({ id: 'k' }), defaults).key).toBe('k')
    expect(toEnvelope(Free({}, { aggregateId: 'a' }), defaults).key).toBe('a')
    expect(toEnvelope(Free({}), defaults).key).toBeUndefined()
  })

  it('takes the place of the same definition, as a hot reload does', () => {
    const define = () => defineEvent('Again', { topic: 'again.now', key: (data) => String(data) })
    define()
    const second = define()
    expect(modelByType('Again')).toBe(modelOfTarget(second))
    expect(modelOfEvent(second(1))).toBe(modelOfTarget(second))
  })

  it('answers the newest version of a type', () => {
    const second = defineEvent('Grown', { version: 2 })
    defineEvent('Grown', { version: 1 })
    expect(modelByType('Grown')).toBe(modelOfTarget(second))
  })

  it('refuses a second, different definition of a version', () => {
    defineEvent('Twice', { topic: 'one' })
    expect(() => defineEvent('Twice', { topic: 'two' })).toThrow(/defined twice/)
  })

  it.each([
    ['no type', '', {}, /needs a type/],
    ['an option that does not exist', 'A', { retries: 3 }, /no option "retries"/],
    ['a version of zero', 'A', { version: 0 }, /version must be/],
    ['a topic with a wildcard', 'A', { topic: 'orders.*' }, /wildcard/],
    ['a topic with an empty level', 'A', { topic: 'orders..new' }, /empty level/],
    ['a type that is no topic', 'Order created', {}, /white space/],
    ['an unknown priority', 'A', { priority: 'urgent' }, /priority must be/],
    ['something that is no schema', 'A', { schema: { parse: () => 1 } }, /Standard Schema/],
    ['a key that is no function', 'A', { key: 'id' }, /key must be/],
    ['a gap between upcasters', 'A', { version: 4, upcast: { 1: () => 1, 3: () => 1 } }, /no upcaster from version 2 to 3/],
    ['an upcaster from its own version', 'A', { version: 2, upcast: { 2: () => 1 } }, /from version 2/],
    ['null as options', 'A', null, /must be an object/],
  ])('refuses %s', (_name, type, options, message) => {
    expect(() => defineEvent(type, options as never)).toThrow(ConfigurationError)
    expect(() => defineEvent(type, options as never)).toThrow(message)
  })

  it('publishes with its priority', () => {
    const Alert = defineEvent('Alert', { priority: EventPriority.CRITICAL })
    expect(toEnvelope(Alert({}), defaults).priority).toBe('critical')
  })
})
