import { type Append, inStreams } from '../appends.js'
import { Arrivals, message, type Order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import { type ByHand, byHandValues, emmettEvent, type Server, valuesWithAll } from './server.js'

/** One call of one prepared statement with version check, by hand, the store, and another library's. */
export async function appenders(server: Server, size: number, writers: number): Promise<readonly Contestant[]> {
  return [await byHand(server, size, writers), await interline(server, size, writers), await emmett(server, size, writers)]
}

/** The store beside a function that does the same work. */
export async function equalAppenders(server: Server, size: number): Promise<readonly Contestant[]> {
  return [await byHandWithAll(server, size, 1), await interline(server, size, 1)]
}

async function byHand(server: Server, size: number, writers: number): Promise<Contestant> {
  const names = await server.byHand()
  const text = `SELECT ${names.append}($1, $2, $3, $4, $5)`
  return prepared(server, 'pg, a function with version check', names, text, byHandValues, size, writers)
}

async function byHandWithAll(server: Server, size: number, writers: number): Promise<Contestant> {
  const names = await server.byHandWithAll()
  const text = `SELECT ${names.append}($1, $2, $3, $4, $5, $6)`
  return prepared(
    server,
    'pg, a function with version check, ids once, order of all, attributes and indexes',
    names,
    text,
    valuesWithAll,
    size,
    writers,
  )
}

function prepared(
  { pool }: Server,
  name: string,
  { append, events: table }: ByHand,
  text: string,
  valuesOf: (numbers: readonly number[]) => readonly unknown[],
  size: number,
  writers: number,
): Contestant {
  const call: Append = (stream, expected, numbers) =>
    pool.query({ name: append.slice(-50), text, values: [stream, expected, ...valuesOf(numbers)] })
  const arrivals = new Arrivals()
  return {
    name: `${name}${writers > 1 ? `, pool of ${pool.options.max}` : ''}`,
    run: inStreams(call, size, writers),
    async check(events) {
      arrivals.expect(events)
      for (const { data } of (await pool.query<{ data: string }>(`SELECT data FROM ${table}`)).rows) arrivals.arrived(JSON.parse(data))
      arrivals.check()
      await pool.query(`TRUNCATE ${table}`)
    },
  }
}

async function interline(server: Server, size: number, writers: number): Promise<Contestant> {
  const table = server.table('append')
  const store = await server.store(table)
  const call: Append = (stream, expectedVersion, numbers) => store.append(stream, numbers.map(message), { expectedVersion })
  const arrivals = new Arrivals()
  return {
    name: 'interline, append',
    run: inStreams(call, size, writers),
    async check(events) {
      arrivals.expect(events)
      for await (const event of store.readAll()) arrivals.arrived(JSON.parse(event.message.data as string))
      arrivals.check()
      await server.pool.query(`TRUNCATE "${server.schema}".${table}`)
    },
  }
}

async function emmett(server: Server, size: number, writers: number): Promise<Contestant> {
  const { store, messages, pool } = await server.emmett()
  const call: Append = (stream, expected, numbers) => {
    const expectedStreamVersion = expected === 0 ? 'STREAM_DOES_NOT_EXIST' : BigInt(expected)
    return store.appendToStream(`${size}-${writers}-${stream}`, numbers.map(emmettEvent), { expectedStreamVersion })
  }
  const arrivals = new Arrivals()
  return {
    name: '@event-driven-io/emmett-postgresql',
    run: inStreams(call, size, writers),
    async check(events) {
      arrivals.expect(events)
      const { rows } = await pool.query<{ message_data: Order }>(`SELECT message_data FROM ${messages}`)
      for (const { message_data: data } of rows) arrivals.arrived(data)
      arrivals.check()
      await pool.query(`TRUNCATE ${messages}`)
    },
  }
}
