import { EventBus, PublishError } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import type { PostgresOutboxOptions } from '@interline/postgres'
import { ForwardingBroker, waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { cleanUp, plainClient } from '../postgres-server.js'
import { OrderCreated } from './orders.js'
import { newSchema, PgOutbox } from './outboxes.js'

/** A broker that refuses what it is told to, and says in which order it took the rest. */
class ChoosyBroker extends ForwardingBroker {
  refuses: (note: string) => boolean = () => false
  readonly taken: string[] = []

  override async publish(...[messages, options]: Parameters<ForwardingBroker['publish']>): Promise<void> {
    const notes = messages.map(({ data }) => String(JSON.parse(String(data)).note))
    if (notes.some((note) => this.refuses(note))) throw new PublishError('One of these is not taken.')
    await super.publish(messages, options)
    this.taken.push(...notes)
  }
}

/** Adds in one transaction, each `key:note`. */
function adder(room: PgOutbox) {
  return (...events: string[]): Promise<unknown> =>
    room.transaction(({ add }) => add(events.map((event) => OrderCreated({ orderId: event.slice(0, event.indexOf(':')), note: event }))))
}

async function opened(options: PostgresOutboxOptions) {
  const schema = newSchema()
  const room = new PgOutbox(schema, options)
  await room.connect()
  const broker = new ChoosyBroker(new MemoryBroker())
  const bus = new EventBus({ broker, outbox: room.outbox })
  return {
    bus,
    broker,
    outbox: room.outbox,
    async sql(text: string): Promise<readonly Record<string, unknown>[]> {
      await using client = await plainClient()
      return (await client.sql.query(text.replaceAll('SCHEMA', `"${schema}"`))).rows
    },
    /** A relay of another process. */
    async another(more: PostgresOutboxOptions) {
      const there = new PgOutbox(schema, { ...options, ...more })
      const broker = new ChoosyBroker(new MemoryBroker())
      const bus = new EventBus({ broker, outbox: there.outbox })
      const end = async (): Promise<void> => {
        await bus.close()
        await there.close()
      }
      return { bus, broker, add: adder(there), [Symbol.asyncDispose]: end }
    },
    add: adder(room),
    async [Symbol.asyncDispose]() {
      await bus.close()
      await room.close()
      await cleanUp(schema)
    },
  }
}

test('what finds out whether a refused destination is well again does not overtake an earlier one of its key that failed by itself', async () => {
  await using room = await opened({ retry: { maxAttempts: 1_000, delayMs: 100, maxDelayMs: 100 } })
  const { broker, outbox } = room
  await room.bus.start()
  broker.refuses = (note) => note === 'b:1'
  await room.add('a:0', 'b:1', 'c:0')
  await waitFor(async () => (await outbox.getMetrics()).held === 1, { what: 'one to fail by itself' })
  broker.refuses = () => true
  // Of each partition one is tried when the destination is well again, and the last one's key beside it.
  await room.add(...keysOf('a', 200))
  await waitFor(() => outbox.getMetrics().then(({ refused, held }) => refused.length === 1 && held === 201), { what: 'a refusal' })
  await room.add('b:2')
  await waitFor(async () => (await outbox.getMetrics()).held === 202, { what: 'the next one of the key to wait' })
  broker.refuses = (note) => note === 'b:1'
  await waitFor(() => broker.taken.length >= 202, { what: 'the others', limitMs: 10_000, progress: () => broker.taken.length })
  expect(broker.taken).not.toContain('b:2')
  broker.refuses = () => false
  await room.bus.idle()
  expect(broker.taken.filter((note) => note.startsWith('b:'))).toEqual(['b:1', 'b:2'])
})

test('what waits behind an event that is given up at its first failure goes on, in its order', async () => {
  await using room = await opened({ retry: { maxAttempts: 1 }, leaseMs: 60_000 })
  const { broker, outbox } = room
  broker.refuses = (note) => note === 'b:1'
  await room.add('a:0', 'b:1', 'b:2', 'c:0', 'b:3')
  await room.bus.start()
  await waitFor(async () => (await outbox.getMetrics()).dead === 1, { what: 'one to be given up' })
  await room.add('b:4')
  await waitFor(() => broker.taken.length >= 5, { what: 'the others', progress: () => broker.taken })
  expect(broker.taken.filter((note) => note.startsWith('b:'))).toEqual(['b:2', 'b:3', 'b:4'])
})

test('a relay that was taken for dead, and has its partitions back, knows what failed meanwhile', async () => {
  await using room = await opened({ leaseMs: 6_000, pollMs: 60_000, hints: false })
  const { broker } = room
  await room.bus.start()
  await room.add('b:0')
  await room.bus.idle()
  const [mine] = await room.sql('SELECT relay FROM SCHEMA.interline_outbox_relays')
  // Its lease ends, and is not renewed.
  await room.sql(`CREATE FUNCTION SCHEMA.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
    LOCK TABLE SCHEMA.interline_outbox_relays IN SHARE ROW EXCLUSIVE MODE;
    UPDATE SCHEMA.interline_outbox_relays SET until = now() - interval '1 s';
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON SCHEMA.interline_outbox_relays FOR EACH ROW WHEN (NEW.relay = '${mine?.relay}')
      EXECUTE FUNCTION SCHEMA.refuse()`)
  const retry = { maxAttempts: 1_000, delayMs: 1_000, maxDelayMs: 1_000 }
  await using other = await room.another({ pollMs: 20, retry })
  other.broker.refuses = (note) => note === 'b:1'
  await other.bus.start()
  await other.add('a:0', 'b:1', 'c:0')
  await waitFor(async () => (await room.outbox.getMetrics()).held === 1, { what: 'one to fail' })
  await other.bus.close()
  await room.sql('DROP TRIGGER refuse ON SCHEMA.interline_outbox_relays')
  await waitFor(() => broker.taken.includes('b:1'), { what: 'what failed elsewhere', limitMs: 10_000 })
  await room.add('b:2')
  await room.bus.idle()
  expect(broker.taken.filter((note) => note.startsWith('b:'))).toEqual(['b:0', 'b:1', 'b:2'])
})

/** Events of so many keys. */
function keysOf(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}${index}:0`)
}

test('what a process publishes without waiting for each is published in the order of its calls', async () => {
  await using room = await opened({ hints: false })
  await room.bus.start()
  for (let round = 0; round < 5; round++) {
    const notes = Array.from({ length: 60 }, (_, index) => `k:${round}-${index}`)
    await Promise.all(notes.map((note) => room.bus.publish(OrderCreated({ orderId: 'k', note }))))
    await room.bus.idle()
    expect(room.broker.taken.splice(0)).toEqual(notes)
  }
})
