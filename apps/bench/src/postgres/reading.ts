import type pg from 'pg'
import { Arrivals, message, type Order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import { byHandValues, emmettEvent, type Server, valuesWithAll } from './server.js'

const pageSize = 500
const batchSize = 1_000

interface Reader {
  readonly name: string
  /** Appends the orders of these numbers to the stream, which has `first` events. */
  write(stream: string, first: number, numbers: readonly number[]): Promise<unknown>
  /** Called when all are there. */
  filled?(): Promise<unknown>
  read(stream: string, arrived: Arrivals['arrived']): Promise<void>
}

/** A stream, read to its end: pages by key and JSON.parse, by hand, the store, and another library's. */
export async function readers(server: Server): Promise<readonly Contestant[]> {
  return [contestant(await byHand(server)), contestant(await interline(server)), contestant(await emmett(server))]
}

/** The store beside pages that have the attributes of a CloudEvent, too. */
export async function equalReaders(server: Server): Promise<readonly Contestant[]> {
  return [contestant(await byHandWithAll(server)), contestant(await interline(server))]
}

/** The stream is filled once, and read in every round. */
function contestant({ name, write, filled, read }: Reader): Contestant {
  const arrivals = new Arrivals()
  let there = 0
  return {
    name,
    async prepare(events) {
      arrivals.expect(events)
      if (there === events) return
      there = events
      for (let first = 0; first < events; first += batchSize) {
        const numbers = Array.from({ length: Math.min(batchSize, events - first) }, (_, index) => first + index)
        await write(`s-${events}`, first, numbers)
      }
      await filled?.()
    },
    run: (events) => read(`s-${events}`, arrivals.arrived),
    check: () => arrivals.check(),
  }
}

/** By the plans that a server makes that knows its tables. */
async function byHand(server: Server): Promise<Reader> {
  const { pool } = server
  const { events: table, append } = await server.byHand()
  const text = `SELECT version, id, type, data FROM ${table} WHERE stream = $1 AND version > $2 ORDER BY version LIMIT ${pageSize}`
  return {
    name: 'pg, pages of 500 by key',
    write: (stream, first, numbers) => pool.query(`SELECT ${append}($1, $2, $3, $4, $5)`, [stream, first, ...byHandValues(numbers)]),
    filled: () => pool.query(`ANALYZE ${table}`),
    read: (stream, arrived) => inPages(pool, 'read', text, stream, ({ data }) => arrived(JSON.parse(data))),
  }
}

async function byHandWithAll(server: Server): Promise<Reader> {
  const { pool } = server
  const { events: table, append } = await server.byHandWithAll()
  const text = `SELECT version, position, recorded_at, id, type, attributes, data FROM ${table}
    WHERE stream = $1 AND version > $2 ORDER BY version LIMIT ${pageSize}`
  return {
    name: 'pg, pages of 500 by key, with the attributes of a CloudEvent',
    write: (stream, first, numbers) => pool.query(`SELECT ${append}($1, $2, $3, $4, $5, $6)`, [stream, first, ...valuesWithAll(numbers)]),
    filled: () => pool.query(`ANALYZE ${table}`),
    read: (stream, arrived) =>
      inPages(pool, 'read-with-all', text, stream, ({ id, type, attributes = '{}', data }) => {
        const event: { readonly data: Order } = { ...JSON.parse(attributes), id, type, data: JSON.parse(data) }
        arrived(event.data)
      }),
  }
}

interface Row {
  readonly version: string
  readonly data: string
  readonly [column: string]: string
}

async function inPages(pool: pg.Pool, name: string, text: string, stream: string, take: (row: Row) => void): Promise<void> {
  for (let version = '0'; ; ) {
    const { rows } = await pool.query<Row>({ name, text, values: [stream, version] })
    for (const row of rows) take(row)
    if (rows.length < pageSize) return
    version = rows.at(-1)?.version ?? version
  }
}

async function interline(server: Server): Promise<Reader> {
  const store = await server.store(server.table('reading'))
  return {
    name: 'interline, readStream',
    write: (stream, first, numbers) => store.append(stream, numbers.map(message), { expectedVersion: first }),
    async read(stream, arrived) {
      for await (const event of store.readStream(stream)) arrived(JSON.parse(event.message.data as string))
    },
  }
}

async function emmett(server: Server): Promise<Reader> {
  const { store, messages, pool } = await server.emmett()
  return {
    name: '@event-driven-io/emmett-postgresql',
    write: (stream, _first, numbers) => store.appendToStream(stream, numbers.map(emmettEvent)),
    filled: () => pool.query(`ANALYZE ${messages}`),
    async read(stream, arrived) {
      for (const { data } of (await store.readStream(stream)).events) arrived(data as unknown as Order)
    },
  }
}
