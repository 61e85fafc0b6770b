import { afterEach, describe, expect, it } from 'vitest'
import { createTestEventBus, DomainEvent, EventBus, type EventBusOptions, type IEventBus, type IEventHandler } from '../src/index.js'

const open: IEventBus[] = []
const opened = <Bus extends IEventBus>(bus: Bus): Bus => {
  open.push(bus)
  return bus
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((bus) => bus.close()))
})

describe('a wallet that subscribes by a specification', () => {
  const WalletEventType = { ESCROW_HELD: 'ESCROW_HELD', ESCROW_SETTLED: 'ESCROW_SETTLED', ESCROW_REFUNDED: 'ESCROW_REFUNDED' } as const
  interface RewardEvent {
    readonly eventId: string
    readonly eventType: string
    readonly idempotencyKey: string
    readonly timestamp: Date
    readonly correlationId?: string
    readonly source: string
    readonly version: string
    readonly userId: string
    readonly amount: number
  }
  const held = (fields: Partial<RewardEvent> = {}): RewardEvent => ({
    eventId: `event-${fields.idempotencyKey ?? 'hold-123'}`,
    eventType: WalletEventType.ESCROW_HELD,
    idempotencyKey: 'hold-123',
    timestamp: new Date('2024-01-01T00:00:00Z'),
    correlationId: 'req-1',
    source: 'wallet',
    version: '1.0.0',
    userId: 'user-123',
    amount: 100,
    ...fields,
  })
  const walletBus = (options: EventBusOptions = {}): EventBus => opened(new EventBus({ asyncProcessing: false, ...options }))

  it('waits for handlers where processing is not asynchronous', async () => {
    const eventBus = walletBus()
    const handledEvents: RewardEvent[] = []
    eventBus.subscribe({
      subscriberId: 'test',
      eventTypes: [WalletEventType.ESCROW_HELD],
      handler: async (event: RewardEvent) => handledEvents.push(event),
    })
    await eventBus.publish(held())
    expect(handledEvents).toHaveLength(1)
    expect(handledEvents[0]).toMatchObject({
      eventId: 'event-hold-123',
      eventType: 'ESCROW_HELD',
      idempotencyKey: 'hold-123',
      correlationId: 'req-1',
      source: 'wallet',
      userId: 'user-123',
      amount: 100,
    })
  })

  it('forgets what it fires where nothing else is said', async () => {
    const eventBus = opened(new EventBus())
    let release = (): void => undefined
    const held1 = new Promise<void>((resolve) => (release = resolve))
    let done = false
    eventBus.subscribe({
      subscriberId: 'slow',
      eventTypes: [WalletEventType.ESCROW_HELD],
      handler: async () => {
        await held1
        done = true
      },
    })
    await eventBus.publish(held())
    expect(done).toBe(false)
    release()
    await eventBus.idle()
    expect(done).toBe(true)
  })

  it('runs the lower priority number first', async () => {
    const eventBus = walletBus()
    const order: string[] = []
    for (const [subscriberId, priority] of [
      ['analytics', 50],
      ['ledger', 1],
      ['feed', 10],
    ] as const) {
      eventBus.subscribe({ subscriberId, eventTypes: [WalletEventType.ESCROW_HELD], handler: () => order.push(subscriberId), priority })
    }
    await eventBus.publish(held())
    expect(order).toEqual(['ledger', 'feed', 'analytics'])
  })

  it('handles an event id and an idempotency key once, and another type with the same key again', async () => {
    const eventBus = walletBus({ enableDeduplication: true, deduplicationTtlMs: 3_600_000 })
    const seen: string[] = []
    eventBus.subscribe({
      subscriberId: 'feed',
      eventTypes: [WalletEventType.ESCROW_HELD, WalletEventType.ESCROW_SETTLED],
      handler: async (event: RewardEvent) => seen.push(`${event.eventType} ${event.eventId}`),
    })
    await eventBus.publish(held({ eventId: 'e-1' }))
    await eventBus.publish(held({ eventId: 'e-1', idempotencyKey: 'another' }))
    await eventBus.publish(held({ eventId: 'e-2' }))
    await eventBus.publish(held({ eventId: 'e-3', eventType: WalletEventType.ESCROW_SETTLED }))
    await eventBus.idle()
    expect(seen).toEqual(['ESCROW_HELD e-1', 'ESCROW_SETTLED e-3'])
  })

  it('handles every copy where deduplication is off', async () => {
    const eventBus = walletBus({ enableDeduplication: false })
    let handled = 0
    eventBus.subscribe({ subscriberId: 'feed', eventTypes: [WalletEventType.ESCROW_HELD], handler: () => handled++ })
    await eventBus.publish(held())
    await eventBus.publish(held())
    expect(handled).toBe(2)
  })

  it('means retries after the first attempt: three of them are four attempts', async () => {
    const eventBus = walletBus({ maxRetryAttempts: 3, retryDelayMs: 1 })
    let attempts = 0
    eventBus.subscribe({
      subscriberId: 'failing',
      eventTypes: [WalletEventType.ESCROW_HELD],
      handler: () => {
        attempts++
        throw new Error('no')
      },
    })
    await eventBus.publish(held())
    await eventBus.idle()
    expect(attempts).toBe(4)
    expect(await eventBus.deadLetters.count({ handler: 'failing' })).toBe(1)
  })
})

describe('a bus with patterns and handler objects', () => {
  const order = (type: string, amount: number): object => ({
    id: `${type}-${amount}`,
    type,
    timestamp: new Date(),
    version: 1,
    metadata: { correlationId: 'c-1', userId: 'u-1', source: 'gamifier', environment: 'test' },
    data: { amount },
    topic: `points.${type}`,
  })

  it('gives a handler what its pattern and its filter let through, and nothing after unsubscribe', async () => {
    const bus = opened(await createTestEventBus())
    const seen: unknown[] = []
    const subscription = await bus.subscribe('points.*', {
      filter: (event) => (event.data as { amount: number }).amount > 10,
      async handle(event) {
        seen.push([event.type, event.data, event.metadata.correlationId, event.metadata.environment])
      },
    })
    await bus.publish(order('earned', 5))
    await bus.publish(order('earned', 50))
    await bus.publish(order('spent', 20))
    expect(seen).toEqual([
      ['earned', { amount: 50 }, 'c-1', 'test'],
      ['spent', { amount: 20 }, 'c-1', 'test'],
    ])
    await bus.unsubscribe(subscription)
    await bus.publish(order('earned', 60))
    expect(seen).toHaveLength(2)
  })

  it('tells the error handler of each failure and keeps to the retry strategy of the handler', async () => {
    const bus = opened(await createTestEventBus())
    const errors: string[] = []
    class Awarding {
      readonly retryStrategy = {
        maxAttempts: 3,
        backoff: { type: 'exponential', delay: 1, maxDelay: 5 },
        deadLetter: { enabled: true },
      } as const

      async handle(): Promise<void> {
        throw new Error('no points')
      }

      async errorHandler(error: Error): Promise<void> {
        errors.push(error.message)
      }
    }
    await bus.subscribe('points.>', new Awarding())
    await bus.publish(order('earned', 50))
    await bus.idle()
    expect(errors).toEqual(['no points', 'no points', 'no points'])
    expect(await bus.deadLetters.list({ handler: 'Awarding' })).toMatchObject({ letters: [{ attempts: 3, reason: 'exhausted' }] })
  })
})

describe('a bus with class events of an aggregate', () => {
  interface Score {
    readonly score: number
  }
  class MyDomainEvent extends DomainEvent {
    declare readonly payload: Score
    // named by nothing but its class
    declare readonly eventType: string
  }
  class MyEventHandler implements IEventHandler<MyDomainEvent> {
    readonly seen: MyDomainEvent[] = []

    async handle(event: MyDomainEvent): Promise<void> {
      this.seen.push(event)
    }
  }

  it('takes a type by its name and a handler as an object, and gives instances', async () => {
    const eventBus = opened(await createTestEventBus())
    const myEventHandler = new MyEventHandler()
    const aggregateId = 'ai-1'
    const event = new MyDomainEvent(aggregateId, 'AIResult', { score: 7 })
    eventBus.subscribe('MyDomainEvent', myEventHandler)
    await eventBus.publish(event)
    const [received] = myEventHandler.seen
    expect(received).toBeInstanceOf(MyDomainEvent)
    expect(received).toMatchObject({ eventType: 'MyDomainEvent', aggregateId: 'ai-1', aggregateType: 'AIResult', payload: { score: 7 } })
    expect(received).not.toBe(event)
    expect(await eventBus.getStore().getEvents('AIResult:ai-1')).toHaveLength(1)
  })
})
