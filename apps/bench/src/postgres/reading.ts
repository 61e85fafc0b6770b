import { Arrivals, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import { message, type Server } from './server.js'

const pageSize = 500
const batchSize = 1_000

/** A stream, read to its end: pages by key and JSON.parse, by hand, and the store. */
export async function readers(server: Server): Promise<readonly Contestant[]> {
  const { pool } = server
  const { events: table, append } = await server.byHand()
  const store = await server.store('reading')
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
    await pool.query(`TRUNCATE ${table}`)
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
    // Both are read by the plans that a server makes that knows its tables.
    await pool.query(`ANALYZE ${table}`)
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
  ]
}
