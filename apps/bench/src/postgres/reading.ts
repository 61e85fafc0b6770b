import { Arrivals, type Order, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import { emmettEvent, message, type Server } from './server.js'

const pageSize = 500
const batchSize = 1_000

/** A stream, read to its end: pages by key and JSON.parse, by hand, the store, and another library's. */
export async function readers(server: Server): Promise<readonly Contestant[]> {
  const { pool } = server
  const { events: table, append } = await server.byHand()
  const store = await server.store('reading')
  const { events: tableWithAll, append: appendWithAll } = await server.byHandWithAll()
  const { store: other, messages, pool: otherPool } = await server.emmett()
  const fill = async (events: number, write: (first: number, numbers: readonly number[]) => Promise<unknown>): Promise<void> => {
    for (let first = 0; first < events; first += batchSize) {
      await write(
        first,
        Array.from({ length: Math.min(batchSize, events - first) }, (_, index) => first + index),
      )
    }
  }
  let filled = 0
  const prepare = async (events: number): Promise<void> => {
    if (filled === events) return
    filled = events
    await pool.query(`TRUNCATE ${table}, ${tableWithAll}`)
    await fill(events, (first, numbers) => {
      const ids = numbers.map((number) => `id-${events}-${number}`)
      const values = [
        `s-${events}`,
        first,
        ids,
        ids.map(() => 'bench.OrderCreated'),
        numbers.map((number) => JSON.stringify(order(number))),
      ]
      return pool.query(`SELECT ${append}($1, $2, $3, $4, $5)`, values)
    })
    await fill(events, (first, numbers) => {
      const messages = numbers.map(message)
      const values = [
        `s-${events}`,
        first,
        messages.map(({ attributes }) => attributes.id),
        messages.map(({ attributes }) => attributes.type),
        messages.map(({ attributes: { id, type, ...others } }) => JSON.stringify(others)),
        messages.map(({ data }) => data),
      ]
      return pool.query(`SELECT ${appendWithAll}($1, $2, $3, $4, $5, $6)`, values)
    })
    await fill(events, (_first, numbers) => other.appendToStream(`s-${events}`, numbers.map(emmettEvent)))
    // They are read by the plans that a server makes that knows its tables.
    await Promise.all([pool.query(`ANALYZE ${table}, ${tableWithAll}`), otherPool.query(`ANALYZE ${messages}`)])
    await fill(events, (first, numbers) => store.append(`s-${events}`, numbers.map(message), { expectedVersion: first }))
  }
  const arrivals = new Arrivals()
  const check = (): void => arrivals.check()
  return [
    {
      name: 'pg, pages of 500 by key',
      prepare,
      async run(events) {
        arrivals.expect(events)
        for (let version = 0; ; ) {
          const { rows } = await pool.query<{ version: string; id: string; type: string; data: string }>({
            name: 'read',
            text: `SELECT version, id, type, data FROM ${table} WHERE stream = $1 AND version > $2 ORDER BY version LIMIT ${pageSize}`,
            values: [`s-${events}`, version],
          })
          for (const row of rows) {
            version = Number(row.version)
            arrivals.arrived(JSON.parse(row.data))
          }
          if (rows.length < pageSize) return
        }
      },
      check,
    },
    {
      name: 'interline, readStream',
      prepare,
      async run(events) {
        arrivals.expect(events)
        for await (const event of store.readStream(`s-${events}`)) arrivals.arrived(JSON.parse(event.message.data as string))
      },
      check,
    },
    {
      name: '@event-driven-io/emmett-postgresql',
      prepare,
      async run(events) {
        arrivals.expect(events)
        for (const { data } of (await other.readStream(`s-${events}`)).events) arrivals.arrived(data as unknown as Order)
      },
      check,
    },
    {
      name: 'pg, the same with the attributes of a CloudEvent',
      prepare,
      async run(events) {
        arrivals.expect(events)
        for (let version = 0; ; ) {
          const { rows } = await pool.query<Record<'version' | 'position' | 'id' | 'type' | 'attributes' | 'data', string>>({
            name: 'read-with-all',
            text: `SELECT version, position, recorded_at, id, type, attributes, data FROM ${tableWithAll}
              WHERE stream = $1 AND version > $2 ORDER BY version LIMIT ${pageSize}`,
            values: [`s-${events}`, version],
          })
          for (const { id, type, attributes, data, ...row } of rows) {
            version = Number(row.version)
            const event = { ...JSON.parse(attributes), id, type, data: JSON.parse(data) }
            arrivals.arrived(event.data)
          }
          if (rows.length < pageSize) return
        }
      },
      check,
    },
  ]
}
