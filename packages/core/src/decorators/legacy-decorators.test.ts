import 'reflect-metadata'
import { afterEach, describe, expect, it } from 'vitest'
import { ConfigurationError } from '../errors.js'
import { defineEvent } from '../event/define-event.js'
import { DomainEvent } from '../event/domain-event.js'
import { modelOfTarget } from '../event/registry.js'
import { topic } from '../event/targets.js'
import { BaseEventHandler } from './base-event-handler.js'
import { EventHandler } from './event-handler.js'
import { EventHandlerRegistry } from './event-handler-registry.js'
import { EventType } from './event-type.js'
import { HandleEvent } from './handle-event.js'
import { handlerDescriptions } from './handler-descriptions.js'

class OrderCreatedEvent extends DomainEvent {
  readonly eventType = 'OrderCreated'
  constructor(readonly orderId: string) {
    super()
  }
}
class OrderShippedEvent extends DomainEvent {
  readonly eventType = 'OrderShipped'
}
const Refunded = defineEvent('Refunded')
const registry = EventHandlerRegistry.getInstance()
const noContext = undefined as never

afterEach(() => registry.clear())

describe('legacy decorators', () => {
  it('describe one subscription where class and method are both decorated', async () => {
    const seen: string[] = []
    @EventHandler(OrderCreatedEvent)
    class OrderNotificationHandler extends BaseEventHandler<OrderCreatedEvent> {
      @HandleEvent()
      async handle(event: OrderCreatedEvent): Promise<void> {
        seen.push(event.orderId)
      }
    }
    const handler = new OrderNotificationHandler()
    const descriptions = handlerDescriptions(handler)
    expect(descriptions).toMatchObject([{ target: [OrderCreatedEvent], method: 'handle', options: { name: 'OrderNotificationHandler' } }])
    await descriptions[0]?.handler.handle(new OrderCreatedEvent('order-123'), noContext)
    expect(seen).toEqual(['order-123'])
    expect(registry.handlers).toEqual([handler])
    expect(registry.getRegisteredEventTypes()).toEqual(['OrderCreated'])
  })

  it('infer the event from the type of the parameter', () => {
    class Desk {
      @HandleEvent()
      created(_event: OrderCreatedEvent): void {}
      @HandleEvent(undefined, { priority: 5 })
      shipped(_event: OrderShippedEvent): void {}
    }
    expect(handlerDescriptions(new Desk())).toMatchObject([
      { target: [OrderCreatedEvent], options: { name: 'Desk.created' } },
      { target: [OrderShippedEvent], options: { name: 'Desk.shipped', priority: 5 } },
    ])
  })

  it('leave to handle what no decorated method takes', () => {
    @EventHandler([OrderCreatedEvent, OrderShippedEvent, topic('billing.>')], { group: 'desk' })
    class Desk {
      @HandleEvent(OrderShippedEvent)
      shipped(): void {}
      handle(): void {}
    }
    expect(handlerDescriptions(new Desk())).toMatchObject([
      { method: 'shipped', target: [OrderShippedEvent], options: { group: 'desk' } },
      { method: 'handle', target: [OrderCreatedEvent, { pattern: 'billing.>' }], options: { group: 'desk', name: 'Desk' } },
    ])
  })

  it('add the class’s other events to a decorated handle', () => {
    @EventHandler([OrderCreatedEvent, Refunded])
    class Desk {
      @HandleEvent(OrderCreatedEvent)
      handle(): void {}
    }
    expect(handlerDescriptions(new Desk())).toMatchObject([{ method: 'handle', target: [OrderCreatedEvent, Refunded] }])
  })

  it('let a method handle several events, in a list or one above the other', () => {
    class Desk {
      @HandleEvent([OrderCreatedEvent, Refunded])
      listed(): void {}
      @HandleEvent(OrderCreatedEvent, { name: 'outer' })
      @HandleEvent(Refunded, { name: 'inner', priority: 2 })
      stacked(): void {}
    }
    expect(handlerDescriptions(new Desk())).toMatchObject([
      { target: [OrderCreatedEvent, Refunded] },
      { target: [OrderCreatedEvent, Refunded], options: { name: 'outer', priority: 2 } },
    ])
  })

  it('bring along what the instance says of filter, errors and retries', async () => {
    const failures: string[] = []
    @EventHandler(OrderCreatedEvent)
    class Picky extends BaseEventHandler<OrderCreatedEvent> {
      override readonly retryStrategy = { maxAttempts: 2 }
      readonly wanted = 'a'
      handle(): void {}
      override filter(event: OrderCreatedEvent): boolean {
        return event.orderId === this.wanted
      }
      override errorHandler(error: Error): void {
        failures.push(`${this.wanted} ${error.message}`)
      }
    }
    const [description] = handlerDescriptions(new Picky())
    expect(description?.handler.retryStrategy).toEqual({ maxAttempts: 2 })
    expect(description?.handler.filter?.(new OrderCreatedEvent('b'))).toBe(false)
    await description?.handler.errorHandler?.(new Error('late'), new OrderCreatedEvent('a'), noContext)
    expect(failures).toEqual(['a late'])
  })

  it('register instances of subclasses too, once, even where both classes are decorated', () => {
    @EventHandler(OrderCreatedEvent)
    class Base {
      handle(): void {}
    }
    @EventHandler(OrderShippedEvent)
    class Derived extends Base {}
    class Plain extends Base {}
    const instances = [new Derived(), new Plain()]
    expect(registry.handlers).toEqual(instances)
    expect(instances.map((instance) => handlerDescriptions(instance)[0]?.target)).toEqual([[OrderShippedEvent], [OrderCreatedEvent]])
    expect(instances[0]).toBeInstanceOf(Base)
  })

  it('keep the class’s name and what others keep by class', () => {
    @EventHandler(OrderCreatedEvent)
    @Reflect.metadata('role', 'audit')
    class Audited {
      constructor(readonly first: string) {}
      handle(): void {}
    }
    expect(Audited.name).toBe('Audited')
    expect(Audited).toHaveLength(1)
    expect(Reflect.getMetadata('role', Audited)).toBe('audit')
    expect(new Audited('x').first).toBe('x')
  })

  it('name the events of a class', () => {
    @EventType('Named', { topic: 'named.here' })
    class Unnamed extends DomainEvent {
      declare readonly eventType: string
      constructor(readonly user: { name: string }) {
        super()
        user.name.trim()
      }
    }
    expect(modelOfTarget(Unnamed)).toMatchObject({ type: 'Named', topic: 'named.here' })
    expect(new Unnamed({ name: 'n' }).eventType).toBe('Named')
    expect(() => EventType('')).toThrow(ConfigurationError)
    expect(() => EventType('X', { retries: 1 } as never)).toThrow(/no option "retries"/)
  })

  it('give nothing for an instance without decorators', () => {
    expect(handlerDescriptions({ handle: () => undefined })).toEqual([])
  })

  it('refuse what leaves the event or the method open', () => {
    class Open {
      @HandleEvent()
      handle(_event: { id: string }): void {}
    }
    @EventHandler(OrderCreatedEvent)
    class Idle {}
    expect(() => handlerDescriptions(new Open())).toThrow(/Open\.handle.*Name it: @HandleEvent/)
    expect(() => handlerDescriptions(new Idle())).toThrow(/nothing handles the event/)
    expect(() => EventHandler(undefined as never)).toThrow(/imported in a circle/)
    expect(() => EventHandler([])).toThrow(ConfigurationError)
  })

  it('refuse a place where they can’t work', () => {
    const misuse = EventHandler(OrderCreatedEvent) as unknown as (target: object) => void
    expect(() => misuse({})).toThrow(/belongs on a class/)
    expect(() => HandleEvent(OrderCreatedEvent)(class Static {}, 'handle')).toThrow(/static handle/)
    expect(() => HandleEvent(OrderCreatedEvent)({}, Symbol('x'))).toThrow(ConfigurationError)
  })
})

describe('EventHandlerRegistry', () => {
  it('is one for the process', () => {
    expect(EventHandlerRegistry.getInstance()).toBe(EventHandlerRegistry.getInstance())
  })

  it('tells listeners of a handler when its constructor is through', async () => {
    @EventHandler(OrderCreatedEvent)
    class Early {
      handle(): void {}
    }
    class Late extends Early {
      readonly ready = true
    }
    const heard: object[] = []
    const stop = registry.onRegistered((handler) => heard.push({ ...handler }))
    new Late()
    expect(heard).toEqual([])
    await Promise.resolve()
    expect(heard).toEqual([{ ready: true }])
    stop()
    new Late()
    await Promise.resolve()
    expect(heard).toHaveLength(1)
  })

  it('does not tell of a handler that is gone again, and takes one only once', async () => {
    const heard: object[] = []
    const stop = registry.onRegistered((handler) => heard.push(handler))
    const handler = { handle: () => undefined }
    expect([registry.register(handler), registry.register(handler)]).toEqual([true, false])
    expect([registry.unregister(handler), registry.unregister(handler)]).toEqual([true, false])
    await Promise.resolve()
    stop()
    expect(heard).toEqual([])
  })
})
