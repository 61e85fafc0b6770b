import { defaultAlertRules, metricDefinitions } from '@interline/telemetry'
import { waitFor } from '@interline/testing'
import { sql } from 'drizzle-orm'
import { configFromEnv, createBus, defineEvent, MemoryBroker, staticSchema } from 'interline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FundsAddedEvent, WalletCreatedEvent } from '../../src/systems/wallet-hub/events.js'
import { HubRoom } from '../systems/hub-room.js'

// The code of the document is Java and its table is MySQL's. Ours is TypeScript and PostgreSQL, and only that: each snippet has its form
// here under its name, and the table is a view with the same columns.

let room: HubRoom
beforeAll(async () => {
  room = await HubRoom.open()
  await room.hub.start()
})
afterAll(() => room?.[Symbol.asyncDispose]())

describe('Database Configuration', () => {
  const document = `CREATE TABLE outbox (
    id BIGINT PRIMARY KEY AUTO_INCREMENT,
    event_type VARCHAR(255) NOT NULL,
    payload TEXT NOT NULL,
    correlation_id VARCHAR(255),
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    sent BOOLEAN NOT NULL DEFAULT FALSE
);`

  it('is refused by PostgreSQL as it is written: the outbox makes its own tables', async () => {
    await expect(room.database.drizzle.execute(sql.raw(document.replace('outbox', 'outbox_of_the_document')))).rejects.toMatchObject({
      cause: { message: expect.stringContaining('AUTO_INCREMENT') },
    })
  })

  it('is a view with the columns of the document, where an event waits until it is sent', async () => {
    const columns = await room.database.rows<{ name: string }>(
      sql`SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'outbox' ORDER BY ordinal_position`,
    )
    const named = [...document.matchAll(/^ {4}(\w+) [A-Z]/gm)].map(([, name]) => ({ name }))
    expect(named).toHaveLength(6)
    expect(columns).toEqual(named)
    await room.hub.createWallet.execute('w-1', 'Savings', 'u-1')
    const waiting = await room.database.rows<object>(sql`SELECT * FROM outbox WHERE sent = FALSE`)
    expect(waiting).toMatchObject([
      { event_type: 'WalletCreatedEvent', correlation_id: expect.stringMatching(/^[0-9a-f-]{36}$/), sent: false },
    ])
    expect(JSON.parse((waiting[0] as { payload: string }).payload)).toEqual({ walletId: 'w-1', name: 'Savings', userId: 'u-1' })
  })

  it('is written in the transaction of the business data: what is rolled back is not there', async () => {
    await room.hub.createWallet.execute('w-2', 'Holidays', 'u-1')
    await room.hub.addFunds.execute('w-2', 5_000)
    await expect(room.hub.transferFunds.execute({ id: 't-1', from: 'w-2', to: 'w-1', amount: 1_001 })).rejects.toThrow('more than 1000')
    const { balances, transfers } = await room.hub.books()
    expect([balances, transfers]).toEqual([{ 'w-1': 0, 'w-2': 5_000 }, 0])
    expect(await room.database.rows(sql`SELECT 1 FROM outbox WHERE correlation_id = 't-1'`)).toEqual([])
  })
})

describe('Spring Cloud Stream Configuration and Event Bindings Configuration', () => {
  // spring.cloud.stream.bindings
  const bindings: Readonly<Record<string, { readonly destination: string }>> = {
    'walletCreatedEventProducer-out-0': { destination: 'wallet-created-events' },
    'fundsAddedEventProducer-out-0': { destination: 'funds-added-events' },
  }
  // EventBindings.java
  const EVENT_TYPE_TO_BINDING: Readonly<Record<string, string>> = {
    walletCreatedEventProducer: 'walletCreatedEventProducer-out-0',
    fundsAddedEventProducer: 'fundsAddedEventProducer-out-0',
  }

  it('bindingForEventType is the destinations of the bus, by which producer, relay and consumer find each other', async () => {
    const bindingForEventType = (type: string): string => {
      const producer = `${type.charAt(0).toLowerCase()}${type.slice(1)}Producer`
      const destination = bindings[EVENT_TYPE_TO_BINDING[producer] ?? '']?.destination
      if (destination === undefined) throw new Error(`No binding is known for "${type}".`)
      return destination
    }
    const WalletClosedEvent = defineEvent('WalletClosedEvent', { schema: staticSchema<{ walletId: string }>() })
    const broker = new MemoryBroker()
    await using bus = createBus({ broker, destinations: (_topic, type) => bindingForEventType(type) })
    const seen: string[] = []
    await bus.subscribe([WalletCreatedEvent, FundsAddedEvent], ({ eventType }) => void seen.push(eventType), { name: 'consumer' })
    await bus.publishBatch([new WalletCreatedEvent('w-1', 'Savings', 'u-1'), new FundsAddedEvent('w-1', 5_000)])
    await waitFor(() => seen.length === 2, { what: 'both events' })
    expect([...broker.listDestinations()].sort()).toEqual(['funds-added-events', 'wallet-created-events'])
    await expect(bus.publish(WalletClosedEvent({ walletId: 'w-1' }))).rejects.toThrow('No binding is known for "WalletClosedEvent".')
  })

  it('the brokers are those of KAFKA_BROKERS, and without it the one on this machine', () => {
    const { broker } = configFromEnv({ INTERLINE_BROKER: 'kafka', KAFKA_BROKERS: 'kafka1:9092,kafka2:9092' })
    expect(broker).toEqual({ type: 'kafka', kafka: { brokers: ['kafka1:9092', 'kafka2:9092'] } })
    expect(configFromEnv({ INTERLINE_BROKER: 'kafka' }).broker).toEqual({ type: 'kafka', kafka: {} })
  })
})

describe('Data Flow Example: Wallet Creation', () => {
  it('goes from use case to outbox, worker, binding, broker, consumer and notification, and is marked as sent', async () => {
    await room.consumers.start()
    await room.worker.start()
    await room.hub.createWallet.execute('w-3', 'Bicycle', 'u-3')
    const sent = async (): Promise<boolean> => (await room.hub.waiting()) === 0
    await waitFor(sent, { what: 'the outbox to be empty' })
    await waitFor(async () => (await room.consumers.report()).notifications.effects === 3, { what: 'the notifications' })
    const [notification] = await room.database.rows<{ text: string }>(sql`SELECT text FROM notifications WHERE text LIKE '%u-3%'`)
    expect(notification?.text).toBe('Welcome, u-3: your wallet "Bicycle" is ready.')
    expect(await room.database.rows(sql`SELECT 1 FROM outbox WHERE NOT sent`)).toEqual([])
  })
})

describe('Monitoring and Observability', () => {
  it('the key metrics have their names', () => {
    const names = Object.values(metricDefinitions).map(({ name }) => name)
    for (const name of ['outbox.queue.size', 'events.published.total', 'events.consumed.total', 'event.processing.latency']) {
      expect(names).toContain(name)
    }
  })

  it('the health checks tell of outbox, broker and database', async () => {
    const { checks } = await room.hub.health()
    expect(Object.keys(checks)).toEqual(
      expect.arrayContaining([
        'postgres:outbox',
        'memory:connection',
        'memory:lag',
        'postgres:pool',
        'postgres:query-time',
        'postgres:locks',
      ]),
    )
  })

  it('the alerting scenarios are the rules that are there without being told', () => {
    const told = defaultAlertRules.map(({ name, above, forMs }) => [name, above, forMs])
    expect(told).toEqual([
      ['HighOutboxQueue', 1_000, 300_000],
      ['EventProcessingFailure', 0.1, 0],
      ['HighLatency', 30, 60_000],
      ['ConsumerLag', 1_000, 0],
    ])
  })
})
