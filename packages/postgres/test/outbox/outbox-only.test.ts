import { defineEvent, EventBus, HybridEventBus, type Instrumentation, PublishError, staticSchema, toError } from '@interline/core'
import { MemoryBroker, MemoryKeyStore } from '@interline/memory'
import { OutboxEventPublisher, PostgresOutbox, type PostgresOutboxOptions, pgDatabase } from '@interline/postgres'
import { FaultProxy, ForwardingBroker, recorder, waitFor, within } from '@interline/testing'
import pg from 'pg'
import { expect, test } from 'vitest'
import { cleanUp, plainClient, url } from '../postgres-server.js'
import { OrderCreated } from './orders.js'
import { newSchema, PgOutbox } from './outboxes.js'

/** An outbox in a schema of its own, and plain SQL beside it. */
async function opened(options: PostgresOutboxOptions = {}) {
  const schema = newSchema()
  const room = new PgOutbox(schema, options)
  await room.connect()
  const sql = async (text: string): Promise<Record<string, unknown>[]> => {
    await using client = await plainClient()
    return (await client.sql.query<Record<string, unknown>>(text.replaceAll('SCHEMA', `"${schema}"`))).rows
  }
  const { outbox } = room
  return {
    outbox,
    schema,
    sql,
    add: (...ids: string[]) =>
      outbox.transaction((client) =>
        outbox.add(
          client,
          ids.map((orderId) => OrderCreated({ orderId })),
        ),
      ),
    async [Symbol.asyncDispose]() {
      await room.close()
      await cleanUp(schema)
    },
  }
}

/** A remote broker that can be down, and that refuses what it is told to. */
class WeakBroker extends ForwardingBroker {
  down = false
  refuses: (topic: string, data: string) => boolean = () => false
  asked = 0

  override async publish(...[messages, options]: Parameters<ForwardingBroker['publish']>): Promise<void> {
    this.asked++
    if (this.down) throw new PublishError('The broker is down.')
    if (messages.some(({ topic, data }) => this.refuses(topic, String(data)))) throw new PublishError('One of these is not taken.')
    await super.publish(messages, options)
  }

  override async health() {
    return this.down ? ({ status: 'fail', output: 'down' } as const) : super.health()
  }
}

test('the view has the columns that people know, also of what was sent, where that is kept', async () => {
  await using room = await opened({ keepSentMs: 60_000 })
  await room.add('o-1')
  const waiting = await room.sql('SELECT event_type, payload, correlation_id, created_at, sent, state FROM SCHEMA.interline_outbox_events')
  expect(waiting).toEqual([
    {
      event_type: 'test.outbox.OrderCreated',
      payload: '{"orderId":"o-1"}',
      correlation_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      created_at: expect.any(Date),
      sent: false,
      state: 'ready',
    },
  ])
  await using bus = new EventBus({ broker: new MemoryBroker(), outbox: room.outbox })
  await bus.start()
  await bus.idle()
  const sent = await room.sql(
    'SELECT payload, correlation_id, created_at, sent, sent_at >= created_at AS later FROM SCHEMA.interline_outbox_events',
  )
  const { payload, correlation_id, created_at } = waiting[0] as Record<string, unknown>
  expect(sent).toEqual([{ payload, correlation_id, created_at, sent: true, later: true }])
})

test('what was sent is given up slot by slot, as a whole, and nothing that still waits', async () => {
  await using room = await opened({ keepSentMs: 2_000 })
  await using bus = new EventBus({ broker: new MemoryBroker(), outbox: room.outbox })
  await bus.start()
  await room.add('first')
  await bus.idle()
  const began = performance.now()
  const count = async (): Promise<number> => Number((await room.sql('SELECT count(*)::int AS n FROM SCHEMA.interline_outbox_sent'))[0]?.n)
  expect(await count()).toBe(1)
  let added = 1
  await waitFor(
    async () => {
      await room.add('next')
      added++
      await bus.idle()
      return (await room.sql(`SELECT 1 FROM SCHEMA.interline_outbox_sent WHERE key = 'first'`)).length === 0
    },
    { what: 'the first one to be given up', limitMs: 15_000 },
  )
  expect(performance.now() - began).toBeGreaterThan(2_000)
  expect(await count()).toBeLessThan(added)
  expect(await count()).toBeGreaterThan(0)
})

test('a dead event can be looked at, sent once more, also elsewhere, and thrown away', async () => {
  await using room = await opened()
  const broker = new WeakBroker(new MemoryBroker())
  broker.refuses = (_topic, data) => data.includes('poison')
  const orders = recorder<ReturnType<typeof OrderCreated>>()
  await using bus = new EventBus({ broker, outbox: room.outbox })
  await bus.subscribe(OrderCreated, orders.handle, { name: 'orders' })
  await bus.start()
  await room.add('poison-1', 'good-1', 'poison-2', 'good-2')
  let good = 2
  const areDead = async (): Promise<boolean> => {
    await room.add(`good-${++good}`)
    return (await room.outbox.getMetrics()).dead === 2
  }
  await waitFor(areDead, { what: 'two dead events', limitMs: 15_000 })
  await orders.waitForCount(good)
  expect(orders.events.filter(({ data }) => data.orderId.startsWith('poison'))).toEqual([])
  const dead = await room.outbox.dead.list()
  expect(dead.map(({ message, attempts, error, eventType }) => [message?.key, attempts, error, eventType])).toEqual(
    ['poison-1', 'poison-2'].map((key) => [key, 4, 'One of these is not taken.', 'test.outbox.OrderCreated']),
  )
  expect(await bus.health()).toMatchObject({
    status: 'warn',
    checks: { 'postgres:outbox': [{ output: expect.stringContaining('2 events were given up') }] },
  })
  expect(await room.outbox.dead.discard([dead[1]?.id as string])).toBe(1)
  broker.refuses = () => false
  expect(await room.outbox.dead.redrive()).toBe(1)
  await orders.waitForCount(good + 1)
  expect(orders.events.at(-1)?.data.orderId).toBe('poison-1')
  expect(orders.events.at(-1)?.id).toBe(dead[0]?.eventId)
  expect(await room.outbox.getMetrics()).toMatchObject({ dead: 0 })
})

test('what is still tried can be looked at, sent once more and thrown away, and what waits behind it goes on', async () => {
  await using room = await opened()
  const broker = new WeakBroker(new MemoryBroker())
  broker.refuses = (_topic, data) => data.includes('poison')
  const orders = recorder<ReturnType<typeof OrderCreated>>()
  await using bus = new EventBus({ broker, outbox: room.outbox })
  await bus.subscribe(OrderCreated, orders.handle, { name: 'orders' })
  await bus.start()
  await room.outbox.transaction((client) =>
    room.outbox.add(client, [
      OrderCreated({ orderId: 'a', note: 'poison' }),
      OrderCreated({ orderId: 'a', note: 'behind' }),
      OrderCreated({ orderId: 'b', note: 'poison' }),
      OrderCreated({ orderId: 'b', note: 'behind' }),
      OrderCreated({ orderId: 'c' }),
    ]),
  )
  await orders.waitForCount(1)
  await waitFor(async () => (await room.outbox.dead.list({ state: 'failed' })).length === 2, { what: 'two that are tried again' })
  const failed = await room.outbox.dead.list({ state: 'failed' })
  expect(failed.map(({ message, error }) => [message?.key, error])).toEqual([
    ['a', 'One of these is not taken.'],
    ['b', 'One of these is not taken.'],
  ])
  expect(await room.outbox.dead.list()).toEqual([])
  expect(await room.outbox.dead.discard()).toBe(0)
  expect(await room.outbox.dead.discard([failed[0]?.id as string])).toBe(1)
  await orders.waitForCount(2)
  broker.refuses = () => false
  expect(await room.outbox.dead.redrive([failed[1]?.id as string])).toBe(1)
  await orders.waitForCount(4)
  expect(orders.events.map(({ data }) => [data.orderId, data.note])).toEqual([
    ['c', undefined],
    ['a', 'behind'],
    ['b', 'poison'],
    ['b', 'behind'],
  ])
})

test('an event that failed once waits, and is not given up, while its destination is away and nothing else goes there', async () => {
  await using room = await opened()
  const broker = new WeakBroker(new MemoryBroker())
  broker.refuses = (_topic, data) => data.includes('poison')
  const orders = recorder<ReturnType<typeof OrderCreated>>()
  await using bus = new EventBus({ broker, outbox: room.outbox })
  await bus.subscribe(OrderCreated, orders.handle, { name: 'orders' })
  await bus.start()
  await room.add('poison-1', 'good-1', 'good-2', 'good-3')
  await orders.waitForCount(3)
  broker.refuses = () => true
  const asked = broker.asked
  await waitFor(() => broker.asked > asked + 8, { what: 'more tries than it has attempts', progress: () => broker.asked, limitMs: 15_000 })
  await room.outbox.passed()
  expect(await room.outbox.getMetrics()).toMatchObject({ dead: 0, size: 1 })
  broker.refuses = () => false
  await orders.waitForCount(4)
  expect(orders.events.at(-1)?.data.orderId).toBe('poison-1')
})

test('a relay that is stopped does not first try all that failed', async () => {
  await using room = await opened({ retry: { maxAttempts: 1_000, delayMs: 20, maxDelayMs: 20 } })
  const broker = new WeakBroker(new MemoryBroker())
  broker.refuses = (_topic, data) => data.includes('poison')
  const orders = recorder<ReturnType<typeof OrderCreated>>()
  await using bus = new EventBus({ broker, outbox: room.outbox })
  await bus.subscribe(OrderCreated, orders.handle, { name: 'orders' })
  await bus.start()
  await room.add('good', ...Array.from({ length: 30 }, (_, index) => `poison-${index}`))
  await orders.waitForCount(1)
  const asked = broker.asked
  // By now a round through all of them takes longer than any of them waits.
  await waitFor(() => broker.asked > asked + 200, { what: 'several rounds', progress: () => broker.asked })
  const stopped = room.outbox.stop()
  const before = broker.asked
  await stopped
  expect(broker.asked - before).toBeLessThanOrEqual(1)
})

test('an accepted event whose connection is half open has its answer in time, and the next one of its key goes on', async () => {
  const server = new URL(url)
  await using proxy = await FaultProxy.start({ host: server.hostname, port: Number(server.port === '' ? 5432 : server.port) })
  const through = Object.assign(new URL(url), { host: `127.0.0.1:${proxy.port}` }).href
  await using room = await opened({ url: through, commandTimeoutMs: 300, connectTimeoutMs: 300, relay: false })
  await using bus = new EventBus({ broker: new MemoryBroker(), outbox: room.outbox })
  await bus.start()
  await bus.publish(OrderCreated({ orderId: 'o-1' }))
  proxy.blackhole('both')
  await expect(within(bus.publish(OrderCreated({ orderId: 'o-1' })), 10_000, 'The answer')).rejects.toBeInstanceOf(PublishError)
  proxy.cut()
  proxy.heal()
  await within(bus.publish(OrderCreated({ orderId: 'o-1' })), 10_000, 'The next one')
  const [found] = await room.sql(`SELECT count(*)::int FROM SCHEMA.interline_outbox_events`)
  expect(found?.count).toBeGreaterThanOrEqual(2)
})

test('what a broker can never carry is dead at once, and holds nobody up', async () => {
  await using room = await opened()
  const broker = new WeakBroker(new MemoryBroker())
  Object.defineProperty(broker, 'capabilities', { value: { ...broker.capabilities, maxMessageBytes: 1_000 } })
  const orders = recorder<ReturnType<typeof OrderCreated>>()
  await using bus = new EventBus({ broker, outbox: room.outbox })
  await bus.subscribe(OrderCreated, orders.handle, { name: 'orders' })
  await bus.start()
  await room.outbox.transaction((client) =>
    room.outbox.add(client, [OrderCreated({ orderId: 'one', note: 'x'.repeat(2_000) }), OrderCreated({ orderId: 'one' })]),
  )
  await orders.waitForCount(1)
  await waitFor(async () => (await room.outbox.getMetrics()).dead === 1, { what: 'a dead event' })
  expect((await room.outbox.dead.list())[0]).toMatchObject({ attempts: 1, error: expect.stringMatching(/bytes/) })
})

test('with an outbox, publish resolves although the remote broker is down, and the event goes on when it is back', async () => {
  await using room = await opened()
  const broker = new WeakBroker(new MemoryBroker())
  Object.defineProperty(broker, 'capabilities', { value: { ...broker.capabilities, local: false } })
  const orders = recorder<ReturnType<typeof OrderCreated>>()
  await using bus = new HybridEventBus({ localBroker: new MemoryBroker(), remoteBroker: broker, outbox: room.outbox })
  await bus.subscribe(OrderCreated, orders.handle, { name: 'orders' })
  await bus.start()
  broker.down = true
  const event = OrderCreated({ orderId: 'o-1' })
  await bus.publish(event)
  await waitFor(() => broker.asked > 1, { what: 'two tries' })
  expect(orders.runs).toEqual([])
  expect(await room.outbox.getMetrics()).toMatchObject({ size: 1, held: 0 })
  broker.down = false
  await orders.waitForCount(1)
  expect(orders.events[0]?.id).toBe(event.id)
})

test('an event that is added inside a handler belongs to the event at hand', async () => {
  await using room = await opened()
  const orders = recorder<ReturnType<typeof OrderCreated>>(async ({ data }) => {
    if (data.orderId === 'first') await room.add('second')
  })
  await using bus = new EventBus({ broker: new MemoryBroker(), outbox: room.outbox, service: 'shop' })
  await bus.subscribe(OrderCreated, orders.handle, { name: 'orders' })
  await bus.start()
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  await bus.publish(OrderCreated({ orderId: 'first' }, { correlationId: 'request-1', traceparent }))
  await orders.waitForCount(2)
  const [first, second] = orders.events
  expect(second?.metadata).toMatchObject({ correlationId: 'request-1', causationId: first?.id, source: 'shop', traceparent })
})

test('marked fields are encrypted in the outbox, and refused where there are no keys', async () => {
  const Moved = defineEvent('test.outbox.Moved', {
    topic: 'moves',
    schema: staticSchema<{ userId: string; address: string }>(),
    encrypt: ['address'],
    subject: ({ userId }) => userId,
  })
  await using room = await opened()
  const { outbox } = room
  const add = (): Promise<void> => outbox.transaction((client) => outbox.add(client, Moved({ userId: 'u-1', address: 'Elm Street 7' })))
  await expect(add()).rejects.toThrow(/there is no key store/)
  const moves = recorder<ReturnType<typeof Moved>>()
  const broker = new WeakBroker(new MemoryBroker())
  broker.down = true
  await using bus = new EventBus({ broker, outbox, keyStore: new MemoryKeyStore() })
  await bus.subscribe(Moved, moves.handle, { name: 'moves' })
  await bus.start()
  await add()
  const [row] = await room.sql('SELECT payload FROM SCHEMA.interline_outbox_events')
  expect(row?.payload).toContain('u-1')
  expect(row?.payload).not.toContain('Elm Street')
  broker.down = false
  await moves.waitForCount(1)
  expect(moves.events[0]?.data.address).toBe('Elm Street 7')
})

test('a domain event publisher writes into the transaction at hand, and refuses where there is none', async () => {
  await using room = await opened()
  const publisher = new OutboxEventPublisher(room.outbox)
  await expect(publisher.publish(OrderCreated({ orderId: 'x' }))).rejects.toThrow(/no transaction at hand/)
  const useCase = async (orderId: string): Promise<void> => publisher.publish(OrderCreated({ orderId }))
  await publisher.transaction(() => useCase('kept'))
  await expect(
    publisher.transaction(async () => {
      await useCase('gone')
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  await room.outbox.transaction((client) => publisher.within(client, () => publisher.publishAll([OrderCreated({ orderId: 'also' })])))
  expect((await room.sql('SELECT key FROM SCHEMA.interline_outbox ORDER BY id')).map(({ key }) => key)).toEqual(['kept', 'also'])
})

test('what is added before the bus has started goes where the bus would send it, in its name', async () => {
  await using room = await opened()
  await using bus = new EventBus({
    broker: new MemoryBroker(),
    outbox: room.outbox,
    service: 'shop',
    destinations: { 'test.outbox.OrderCreated': 'order-created-events' },
  })
  const seen = recorder<ReturnType<typeof OrderCreated>>()
  await bus.subscribe(OrderCreated, seen.handle, { name: 'seen' })
  await room.add('o-1')
  await bus.start()
  await seen.waitForCount(1)
  expect(seen.events.map(({ metadata }) => metadata.source)).toEqual(['shop'])
})

test('event types are bound to destinations', async () => {
  await using room = await opened({ destinations: { 'test.outbox.OrderCreated': 'order-created-events' } })
  await room.add('o-1')
  expect(await room.sql('SELECT destination FROM SCHEMA.interline_outbox')).toEqual([{ destination: 'order-created-events' }])
})

test.each<[string, () => object, RegExp]>([
  ['a function', () => OrderCreated({ orderId: 'x', note: (() => 1) as never }), /can't be encoded/],
  ['a cycle', () => OrderCreated(cyclic() as never), /can't be encoded/],
  ['nothing', () => undefined as never, /event 1 is wrong/],
  ['a text', () => 'OrderCreated' as never, /event 1 is wrong/],
  ['of a key that no index can hold', () => OrderCreated({ orderId: 'x'.repeat(1_001) }), /longer than 1000 bytes/],
  ['half a character in its key', () => OrderCreated({ orderId: '\ud800' }), /event 1 is wrong/],
])('an event that is %s is refused before anything is written, and the transaction goes on', async (_what, wrong, words) => {
  await using room = await opened()
  await room.outbox.transaction(async (client) => {
    const error = await room.outbox.add(client, [OrderCreated({ orderId: 'a' }), wrong()]).catch(toError)
    expect((error as Error).message).toMatch(words)
    await room.outbox.add(client, OrderCreated({ orderId: 'b' }))
  })
  expect(await room.sql('SELECT key FROM SCHEMA.interline_outbox')).toEqual([{ key: 'b' }])
})

function cyclic(): object {
  const order: Record<string, unknown> = { orderId: 'x' }
  order.self = order
  return order
}

test('a client on which no transaction was begun is refused', async () => {
  await using room = await opened()
  const pool = new pg.Pool({ connectionString: url })
  const client = await pool.connect()
  await expect(room.outbox.add(client, OrderCreated({ orderId: 'x' }))).rejects.toThrow(/no transaction was begun/)
  client.release()
  await pool.end()
})

test('without its tables it says what to call, and a migration that was interrupted has not happened', async () => {
  const schema = newSchema()
  const pool = new pg.Pool({ connectionString: url })
  const outbox = new PostgresOutbox(pgDatabase(pool), { schema, relay: false })
  const add = (): Promise<void> => outbox.transaction((client) => outbox.add(client, OrderCreated({ orderId: 'x' })))
  try {
    await expect(add()).rejects.toThrow(/tables are missing; call connect\(\) once/)
    await pool.query(`CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".interline_outbox_relays (mine int)`)
    await expect(outbox.connect()).rejects.toThrow('already exists')
    expect((await pool.query(`SELECT 1 FROM pg_tables WHERE schemaname = '${schema}'`)).rowCount).toBe(1)
    await pool.query(`DROP TABLE "${schema}".interline_outbox_relays`)
    await outbox.connect()
    await add()
    const unable = new PostgresOutbox(pgDatabase(pool), { schema, table: 'other', migrate: false })
    await expect(unable.connect()).rejects.toThrow(/are missing/)
  } finally {
    await outbox.close()
    await pool.end()
    await cleanUp(schema)
  }
})

test('leases and delays that a jump of the clock put far ahead end nevertheless', async () => {
  await using room = await opened()
  await room.sql(`INSERT INTO SCHEMA.interline_outbox_relays VALUES ('gone', now() + interval '1 hour', interval '1.5 s');
    UPDATE SCHEMA.interline_outbox_partitions SET owner = 'gone'`)
  await room.add('late')
  await room.sql(`UPDATE SCHEMA.interline_outbox SET state = 1, attempts = 1, due_at = now() + interval '1 hour'`)
  const orders = recorder<ReturnType<typeof OrderCreated>>()
  await using bus = new EventBus({ broker: new MemoryBroker(), outbox: room.outbox })
  await bus.subscribe(OrderCreated, orders.handle, { name: 'orders' })
  await bus.start()
  await orders.waitForCount(1)
})

test.each<[object, string]>([
  [{ tabel: 'x' }, 'Unknown option outbox.tabel'],
  [{ batchSize: 0 }, 'outbox.batchSize must be'],
  [{ retry: { maxAttempts: 0 } }, 'outbox.retry.maxAttempts must be'],
  [{ url: 'mysql://app:secret@db/x' }, 'no URL such as postgresql://'],
])('refuses the options %j', (options, words) => {
  const pool = new pg.Pool({ connectionString: url })
  const error = (() => {
    try {
      return new PostgresOutbox(pgDatabase(pool), options)
    } catch (thrown) {
      return thrown as Error
    }
  })() as Error
  expect(error.message).toContain(words)
  expect(error.message).not.toContain('secret')
})

test('what is added carries the trace of whoever watches the bus, and its relay is watched, too', async () => {
  await using room = await opened()
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const told: unknown[] = []
  const sending: Instrumentation['sending'] = ({ way, broker, events, destinations }) => {
    told.push([way, broker, destinations, events.map(({ metadata }) => metadata.traceparent)])
    return { trace: { traceparent }, ended: ({ error }) => void told.push(error?.message ?? 'ended') }
  }
  const orders = recorder<ReturnType<typeof OrderCreated>>()
  await using bus = new EventBus({ broker: new MemoryBroker(), outbox: room.outbox, instrumentation: { sending } })
  await bus.subscribe(OrderCreated, orders.handle, { name: 'orders' })
  await bus.start()
  await room.add('o-1')
  await orders.waitForCount(1)
  await bus.idle()
  expect(orders.events[0]?.metadata).toMatchObject({ traceparent })
  expect(told).toEqual([['append', 'memory', ['orders'], [undefined]], 'ended', ['forward', 'memory', ['orders'], [traceparent]], 'ended'])
})
