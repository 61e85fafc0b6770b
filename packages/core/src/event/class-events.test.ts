import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ConfigurationError, DecodeError, InvalidEventError, ValidationError } from '../errors.js'
import { DomainEvent, IntegrationEvent, SystemEvent } from './domain-event.js'
import { toEnvelope } from './envelope.js'
import { arrivedMetadata, type IEventMetadata } from './metadata.js'
import { EventPriority } from './priority.js'
import { clearEventRegistry, modelByType, modelOfTarget } from './registry.js'

const metadata = arrivedMetadata({ eventId: 'e-1', timestamp: new Date(3), correlationId: 'c-1', source: 's' })
const publish = (event: object) => toEnvelope(event, { source: 'shop' })
const receive = (target: unknown, data: unknown) => modelOfTarget(target)?.receive({ type: 'T', version: 1, topic: 't', data, metadata })

class OrderCreatedEvent extends DomainEvent {
  readonly eventType = 'OrderCreated'
  readonly version = 1
  readonly topic = 'orders.created'
  readonly priority = EventPriority.HIGH

  constructor(
    public readonly orderId: string,
    public readonly customerId: string,
    public readonly totalAmount: number,
    metadata?: Partial<IEventMetadata>,
  ) {
    super(metadata)
  }
}

afterEach(clearEventRegistry)

describe('class events', () => {
  it('are described by their fields, and only their own data travels', () => {
    const envelope = publish(new OrderCreatedEvent('order-123', 'customer-456', 99.99, { correlationId: 'req-789' }))
    expect(envelope).toMatchObject({ topic: 'orders.created', priority: 'high', model: { type: 'OrderCreated', version: 1 } })
    expect(envelope.data).toEqual({ orderId: 'order-123', customerId: 'customer-456', totalAmount: 99.99 })
    expect(envelope.metadata).toMatchObject({ correlationId: 'req-789', source: 'shop' })
  })

  it('are known from a probe before the first instance', () => {
    expect(modelOfTarget(OrderCreatedEvent)).toMatchObject({ type: 'OrderCreated', topic: 'orders.created', priority: 'high' })
    expect(publish(new OrderCreatedEvent('o', 'c', 1)).model).toBe(modelOfTarget(OrderCreatedEvent))
  })

  it('arrive as an instance of their class, made without its constructor', () => {
    const sent = new OrderCreatedEvent('o-1', 'c-1', 5)
    const event = receive(OrderCreatedEvent, publish(sent).data)
    expect(event).toBeInstanceOf(OrderCreatedEvent)
    expect(Object.keys(event ?? {}).sort()).toEqual(Object.keys(sent).sort())
    expect(event).toMatchObject({ orderId: 'o-1', eventType: 'OrderCreated', topic: 'orders.created', priority: 'high', eventId: 'e-1' })
  })

  it('answer what every event answers', () => {
    const event = new OrderCreatedEvent('o', 'c', 1, { eventId: 'mine', correlationId: 'req' })
    expect(event).toMatchObject({
      eventId: 'mine',
      id: 'mine',
      type: 'OrderCreated',
      correlationId: 'req',
      timestamp: event.metadata.timestamp,
    })
    expect(Object.keys(event)).not.toContain('id')
  })

  it('keep fields of their own under the names that every event answers, defined or assigned', () => {
    class Defined extends DomainEvent {
      readonly eventType = 'Defined'
      readonly id = 'own-id'
      readonly type = 'own-type'
    }
    class Assigned extends DomainEvent {
      declare readonly eventType: string
      declare readonly timestamp: Date
      declare readonly id: number
      constructor() {
        super()
        Object.assign(this, { eventType: 'Assigned', timestamp: new Date(7), id: 7 })
      }
    }
    expect(publish(new Defined()).data).toEqual({ id: 'own-id', type: 'own-type' })
    expect(publish(new Assigned()).data).toEqual({ id: 7, timestamp: new Date(7) })
    expect(receive(Assigned, { id: 8, timestamp: 'text' })).toMatchObject({
      id: 8,
      timestamp: 'text',
      eventId: 'e-1',
      eventType: 'Assigned',
    })
  })

  it('can be named by static fields, without ever being made', () => {
    class Named extends DomainEvent {
      static readonly eventType = 'NamedStatically'
      static readonly version = 4
      static readonly topic = 'named.now'
      static readonly priority = EventPriority.LOW
      static readonly key = (data: { version: string }) => data.version
      declare readonly eventType: string
      constructor(readonly version: string) {
        super()
        if (version === undefined) throw new Error('never made without arguments')
      }
    }
    expect(modelOfTarget(Named)).toMatchObject({ type: 'NamedStatically', version: 4, topic: 'named.now', priority: 'low' })
    const envelope = publish(new Named('v'))
    expect(envelope).toMatchObject({ key: 'v', data: { version: 'v' } })
    expect(envelope.event).toMatchObject({ eventType: 'NamedStatically', topic: 'named.now', priority: 'low' })
  })

  it('are validated by a static schema', () => {
    class Checked extends DomainEvent {
      static readonly schema = z.object({ count: z.number() })
      readonly eventType = 'Checked'
      constructor(readonly count: number) {
        super()
      }
    }
    expect(() => publish(new Checked('x' as never)).model.validate?.({ count: 'x' })).toThrow(ValidationError)
    expect(receive(Checked, { count: 1, extra: true })).toEqual(expect.objectContaining({ count: 1 }))
  })

  it('take a getter for their type', () => {
    class ByGetter extends DomainEvent {
      get eventType() {
        return 'ByGetter.v1'
      }
      readonly name: string
      constructor(user: { name: string }) {
        super()
        this.name = user.name
      }
    }
    expect(modelOfTarget(ByGetter)?.type).toBe('ByGetter.v1')
    expect(publish(new ByGetter({ name: 'n' })).data).toEqual({ name: 'n' })
  })

  it('may pass on their aggregate and payload', () => {
    class MyDomainEvent extends DomainEvent {
      declare readonly eventType: string
      declare readonly payload: { score: number }
      constructor(aggregateId: string, aggregateType: string, payload: { score: number }) {
        super(aggregateId, aggregateType, payload)
      }
    }
    const event = new MyDomainEvent('a-1', 'AIResult', { score: 7 })
    expect(event).toMatchObject({ eventType: 'MyDomainEvent', aggregateId: 'a-1', aggregateType: 'AIResult', payload: { score: 7 } })
    expect(publish(event)).toMatchObject({
      key: 'a-1',
      topic: 'MyDomainEvent',
      data: { payload: { score: 7 } },
      metadata: { aggregateType: 'AIResult' },
    })
    expect(modelByType('MyDomainEvent')).toBe(modelOfTarget(MyDomainEvent))
  })

  it('need no base class', () => {
    class UserRegistered {
      constructor(readonly userId: string) {}
    }
    expect(publish(new UserRegistered('u'))).toMatchObject({ topic: 'UserRegistered', data: { userId: 'u' } })
    expect(receive(UserRegistered, { userId: 'u' })).toBeInstanceOf(UserRegistered)
  })

  it('of integration and system kind carry their fields', () => {
    class Captured extends IntegrationEvent<{ amount: number }> {
      readonly eventType = 'Captured'
    }
    class DiskFull extends SystemEvent {
      readonly eventType = 'DiskFull'
    }
    expect(publish(new Captured('payments', 'capture', { amount: 5 })).data).toEqual({
      service: 'payments',
      action: 'capture',
      payload: { amount: 5 },
    })
    const system = publish(new DiskFull('critical', 'disk', 'full', { free: 0 }, { userId: 'u' }))
    expect(system.data).toEqual({ level: 'critical', component: 'disk', message: 'full', details: { free: 0 } })
    expect(system.metadata.userId).toBe('u')
  })

  it('are rebuilt by fromData where the class has it', () => {
    class Secret extends DomainEvent {
      readonly eventType = 'Secret'
      readonly #code: string
      constructor(
        code: string,
        readonly at: Date,
      ) {
        super()
        this.#code = code
      }
      static fromData(data: { at: string }): Secret {
        return new this('rebuilt', new Date(data.at))
      }
      reveal() {
        return this.#code
      }
    }
    const event = receive(Secret, { at: '2026-01-01' }) as Secret
    expect(event.reveal()).toBe('rebuilt')
    expect(event).toMatchObject({ at: new Date('2026-01-01'), eventId: 'e-1' })
  })

  it('may have a priority of their own, if it is one', () => {
    class Paid extends DomainEvent {
      readonly eventType = 'Paid'
      constructor(readonly priority: EventPriority = EventPriority.NORMAL) {
        super()
      }
    }
    expect(publish(new Paid(EventPriority.CRITICAL)).priority).toBe('critical')
    expect(() => publish(new Paid('soon' as never))).toThrow(/no priority that exists/)
  })

  it('that contradict their class are refused', () => {
    class Shifty extends DomainEvent {
      constructor(readonly eventType: string = 'First') {
        super()
      }
    }
    publish(new Shifty())
    expect(() => publish(new Shifty('Second'))).toThrow(/"Second".*"First".*static eventType/)
  })

  it('that can’t be named say how to name them', () => {
    class Needy extends DomainEvent {
      readonly eventType = 'Needy'
      readonly name: string
      constructor(user: { name: string }) {
        super()
        this.name = user.name
      }
    }
    expect(() => modelOfTarget(Needy)).toThrow(InvalidEventError)
    expect(() => modelOfTarget(Needy)).toThrow(/static readonly eventType/)
    expect(publish(new Needy({ name: 'n' })).model.type).toBe('Needy')
    expect(() => modelOfTarget(class {})).toThrow(InvalidEventError)
  })

  it('of two classes may share a type only where they agree on it', () => {
    class A extends DomainEvent {
      readonly eventType = 'Shared'
      readonly topic = 'one'
    }
    class B extends DomainEvent {
      readonly eventType = 'Shared'
      readonly topic = 'two'
    }
    publish(new A())
    expect(() => publish(new B())).toThrow(ConfigurationError)
  })

  it.each([
    ['__proto__', '{"a":[{"__proto__":{"admin":true}}]}'],
    ['constructor', '{"constructor":{"prototype":{"admin":true}}}'],
    ['prototype', '{"deep":{"prototype":1}}'],
  ])('are not built from data with a field "%s"', (name, text) => {
    expect(() => receive(OrderCreatedEvent, JSON.parse(text))).toThrow(DecodeError)
    expect(() => receive(OrderCreatedEvent, JSON.parse(text))).toThrow(name)
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  it('may be published as a plain object that names the type: what describes it is its metadata, and an instance arrives', () => {
    class OrderRung extends DomainEvent {
      static readonly eventType = 'OrderRung'
      static readonly topic = 'orders.rung'
      readonly eventType = OrderRung.eventType
    }
    expect(modelOfTarget(OrderRung)).toBeDefined()
    const plain = { eventId: 'e-7', eventType: 'OrderRung', idempotencyKey: 'k-7', source: 'till', version: '1.0', orderId: 'o-7' }
    const envelope = publish(plain)
    expect(envelope).toMatchObject({ topic: 'orders.rung', type: 'OrderRung' })
    expect(envelope.metadata).toMatchObject({ eventId: 'e-7', idempotencyKey: 'k-7', source: 'till' })
    expect(envelope.data).toEqual({ orderId: 'o-7' })
    expect(receive(OrderRung, envelope.data)).toBeInstanceOf(OrderRung)
    expect(() => publish({ ...plain, version: 2 })).toThrow('is defined in version 1, and the object says 2')
  })

  it('are not built from data that is no object, and received fields never run setters', () => {
    let ran = false
    class Guarded extends DomainEvent {
      readonly eventType = 'Guarded'
      set admin(_value: boolean) {
        ran = true
      }
    }
    expect(() => receive(Guarded, 'text')).toThrow(/no object as data/)
    expect(receive(Guarded, { admin: true, metadata: { userId: 'root' }, eventType: 'Other' })).toMatchObject({
      admin: true,
      eventType: 'Guarded',
      metadata,
    })
    expect(ran).toBe(false)
  })
})
