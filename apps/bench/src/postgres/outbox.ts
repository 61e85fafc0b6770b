import { EventBus, type Instrumentation, type OutboxOutlet, systemClock } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { type PostgresOutbox, pgDatabase, postgresOutbox } from '@interline/postgres'
import type pg from 'pg'
import { type Latency, latenciesOf, type Path } from '../brokers/latency.js'
import { busThatPublishes, inBatches } from '../brokers/publishing.js'
import { Arrivals, OrderCreated, order } from '../payload.js'
import type { Server as RedisServer } from '../redis/server.js'
import type { Contestant } from '../rounds.js'
import type { Server } from './server.js'

const batchSize = 500
const fillSize = 1_000

type Outbox = PostgresOutbox<pg.PoolClient>

async function outboxOf(server: Server, table: string, hints = true): Promise<Outbox> {
  const outbox = postgresOutbox(pgDatabase(server.pool), { schema: server.schema, table, batchSize, hints })
  await outbox.connect()
  // Nothing is known of the table in any round, as on a queue that is analysed while it is empty.
  await server.pool.query(`ALTER TABLE "${server.schema}".${table} SET (autovacuum_analyze_threshold = 2000000000)`)
  return outbox
}

async function fill(outbox: Outbox, events: number): Promise<void> {
  for (let first = 0; first < events; first += fillSize) {
    const numbers = Array.from({ length: Math.min(fillSize, events - first) }, (_, index) => first + index)
    await outbox.transaction((client) =>
      outbox.add(
        client,
        numbers.map((number) => OrderCreated(order(number))),
      ),
    )
  }
}

/** The table that documents about outboxes have, and its index of what waits. */
async function tableByHand(server: Server, name: string): Promise<string> {
  const table = `"${server.schema}".${name}`
  await server.pool.query(`CREATE SCHEMA IF NOT EXISTS "${server.schema}"`)
  await server.pool.query(`CREATE TABLE ${table} (id bigserial PRIMARY KEY, event_type text NOT NULL, payload text NOT NULL, correlation_id text,
      created_at timestamptz NOT NULL DEFAULT now(), sent boolean NOT NULL DEFAULT false)`)
  await server.pool.query(`CREATE INDEX ON ${table} (id) WHERE NOT sent`)
  return table
}

/** A transaction of one business row and one event, one after the other. */
export async function adders(server: Server): Promise<readonly Contestant[]> {
  const { pool } = server
  const raw = await tableByHand(server, 'raw_adding')
  const business = `"${server.schema}".business`
  await pool.query(`CREATE TABLE ${business} (id bigserial PRIMARY KEY, total numeric, note text)`)
  const outboxes = { hinted: await outboxOf(server, 'adding'), silent: await outboxOf(server, 'adding_silent', false) }
  const inTransactions = (add: (client: pg.PoolClient, number: number) => Promise<unknown>): Contestant['run'] => {
    return async (events) => {
      for (let number = 0; number < events; number++) {
        const client = await pool.connect()
        await client.query('BEGIN')
        await client.query({ name: 'business', text: `INSERT INTO ${business} (total, note) VALUES ($1, $2)`, values: [number, 'x'] })
        await add(client, number)
        await client.query('COMMIT')
        client.release()
      }
    }
  }
  const counted = (table: string): NonNullable<Contestant['check']> => {
    return async (events) => {
      const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`)
      if (rows[0]?.n !== events) throw new Error(`${rows[0]?.n} of ${events} events are in ${table}.`)
      await pool.query(`TRUNCATE ${table}`)
    }
  }
  const ours = (name: string, outbox: Outbox, table: string): Contestant => ({
    name,
    run: inTransactions((client, number) => outbox.add(client, OrderCreated(order(number)))),
    check: counted(`"${server.schema}".${table}`),
    close: () => outbox.close(),
  })
  return [
    {
      name: 'pg, a bare insert',
      run: inTransactions((client, number) =>
        client.query({
          name: 'bare',
          text: `INSERT INTO ${raw} (event_type, payload, correlation_id) VALUES ($1, $2, $3)`,
          values: ['bench.OrderCreated', JSON.stringify(order(number)), `c-${number}`],
        }),
      ),
      check: counted(raw),
    },
    ours('interline, outbox.add', outboxes.hinted, 'adding'),
    ours('interline, outbox.add, hints: false', outboxes.silent, 'adding_silent'),
  ]
}

/** What waits, taken and completed in batches, with no broker behind it. */
export async function takers(server: Server): Promise<readonly Contestant[]> {
  const { pool } = server
  const raw = await tableByHand(server, 'raw_taking')
  const outbox = await outboxOf(server, 'taking')
  const arrivals = new Arrivals()
  return [
    {
      name: 'pg, SKIP LOCKED and UPDATE sent',
      async prepare(events) {
        await pool.query(`TRUNCATE ${raw}`)
        for (let first = 0; first < events; first += fillSize) {
          const texts = Array.from({ length: Math.min(fillSize, events - first) }, (_, index) => JSON.stringify(order(first + index)))
          const insert = `INSERT INTO ${raw} (event_type, payload, correlation_id) SELECT 'bench.OrderCreated', p, 'c' FROM unnest($1::text[]) p`
          await pool.query(insert, [texts])
        }
        arrivals.expect(events)
      },
      async run() {
        for (;;) {
          const client = await pool.connect()
          await client.query('BEGIN')
          const { rows } = await client.query<{ id: string; payload: string }>({
            name: 'take',
            text: `SELECT id, event_type, payload, correlation_id FROM ${raw} WHERE NOT sent ORDER BY id LIMIT ${batchSize} FOR UPDATE SKIP LOCKED`,
          })
          for (const { payload } of rows) arrivals.arrived(JSON.parse(payload))
          const ids = rows.map(({ id }) => id)
          await client.query({ name: 'sent', text: `UPDATE ${raw} SET sent = true WHERE id = ANY ($1::bigint[])`, values: [ids] })
          await client.query('COMMIT')
          client.release()
          if (rows.length < batchSize) return
        }
      },
      check: () => arrivals.check(),
    },
    {
      name: 'interline, the relay',
      async prepare(events) {
        await pool.query(`TRUNCATE "${server.schema}".taking`)
        await fill(outbox, events)
        arrivals.expect(events)
      },
      async run() {
        await outbox.start(nowhere(arrivals))
        await arrivals.done
        await outbox.stop()
      },
      async check() {
        arrivals.check()
        if ((await outbox.getMetrics()).size > 0) throw new Error('Some were not completed.')
      },
      close: () => outbox.close(),
    },
  ]
}

function nowhere(arrivals: Arrivals): OutboxOutlet {
  return {
    clock: systemClock,
    logger: console,
    check: () => undefined,
    async publish(messages) {
      for (const { data } of messages) arrivals.arrived(JSON.parse(data as string))
    },
    health: async () => ({ status: 'pass' }),
  }
}

/** The same events straight to Redis in batches of 100, and out of a full outbox by one relay. */
export async function carriers(server: Server, redis: RedisServer): Promise<readonly Contestant[]> {
  const outbox = await outboxOf(server, 'carrying')
  let published = 0
  let done: () => void = () => undefined
  const watch = (events: number): Promise<void> => new Promise((resolve) => (done = () => published >= events && resolve()))
  const instrumentation: Instrumentation = {
    published({ messages }) {
      published += messages.length
      done()
    },
  }
  let buses = 0
  return [
    await busThatPublishes(redis.bus('straight'), 'interline, publishBatch of 100', inBatches),
    {
      name: 'interline, one relay from the outbox',
      prepare: (events) => fill(outbox, events),
      async run(events) {
        published = 0
        const all = watch(events)
        const bus = redis.bus(`relayed-${buses++}`, { outbox, instrumentation })
        await bus.start()
        await all
        await bus.close()
      },
      async check() {
        if ((await outbox.getMetrics()).size > 0) throw new Error('Some are still in the outbox.')
      },
      close: () => outbox.close(),
    },
  ]
}

/** From the return of COMMIT to the handler, on an idle system. */
export async function latencies(server: Server, events: number): Promise<readonly Latency[]> {
  const outbox = await outboxOf(server, 'latency')
  const bus = new EventBus({ broker: new MemoryBroker(), outbox })
  const arrivals = new Arrivals()
  await bus.subscribe(OrderCreated, ({ data }) => arrivals.arrived(data), { name: 'arrive' })
  await bus.start()
  const path: Path = {
    name: 'interline, outbox.add and COMMIT to handler',
    async send(number) {
      arrivals.expect(1)
      await outbox.transaction((client) => outbox.add(client, OrderCreated(order(number))))
      await arrivals.done
    },
    async end() {
      await bus.close()
      await outbox.close()
    },
  }
  const plain: Path = {
    name: 'pg, BEGIN, an insert and COMMIT',
    async send() {
      await outbox.transaction((client) => client.query('SELECT pg_current_xact_id()'))
    },
  }
  return latenciesOf([plain, path], events)
}
