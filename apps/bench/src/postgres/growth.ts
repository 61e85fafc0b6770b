import type { PostgresEventStore } from '@interline/postgres'
import { message } from '../payload.js'
import { median } from '../rounds.js'
import type { Server } from './server.js'

/** What single calls cost at a size, in milliseconds. */
export interface CostAt {
  readonly name: string
  readonly events: number
  readonly appendMs: number
  readonly readStreamMs: number
  readonly readLastMs: number
}

export interface CatchingUp {
  readonly title: string
  readonly events: number
  readonly seconds: number
  /** How much more the heap held at the most. */
  readonly heapMiB: number
}

const perStream = 10
const longStream = 50
const batch = 5_000
const repeats = 50
const mebibyte = 1_048_576

/** What appending and reading cost while a store grows, over as many streams as events divided by ten, on tables that are never analysed. */
export async function growth(
  server: Server,
  sizes: readonly number[],
): Promise<{ readonly costs: readonly CostAt[]; readonly catchingUp: CatchingUp }> {
  const store = await server.store('growth')
  const table = `"${server.schema}".growth`
  for (const name of [table, `"${server.schema}".growth_streams`])
    await server.pool.query(`ALTER TABLE ${name} SET (autovacuum_enabled = off)`)
  const costs: CostAt[] = []
  let events = 0
  for (const size of sizes) {
    for (; events < size; events += batch) await fill(store, events, Math.min(batch, size - events))
    events = size
    costs.push(await costAt(store, events))
    const { rows } = await server.pool.query(
      `SELECT 1 FROM pg_stat_all_tables WHERE schemaname = $1 AND relname LIKE 'growth%'
      AND (last_analyze IS NOT NULL OR last_autoanalyze IS NOT NULL)`,
      [server.schema],
    )
    if (rows.length > 0) throw new Error('A table was analysed meanwhile.')
  }
  return { costs, catchingUp: await catchUp(store, 100_000) }
}

async function fill(store: PostgresEventStore, first: number, count: number): Promise<void> {
  const streams: Promise<unknown>[] = []
  for (let number = first; number < first + count; number += perStream) {
    const length = Math.min(perStream, first + count - number)
    streams.push(
      store.append(
        `stream-${number / perStream}`,
        Array.from({ length }, (_, index) => message(number + index)),
      ),
    )
  }
  await Promise.all(streams)
}

async function costAt(store: PostgresEventStore, events: number): Promise<CostAt> {
  const long = `long-${events}`
  await store.append(
    long,
    Array.from({ length: longStream }, (_, index) => message(index)),
  )
  const head = Number(await store.head())
  const drain = async (items: AsyncIterable<unknown>, expected: number): Promise<void> => {
    let count = 0
    for await (const _ of items) count++
    if (count !== expected) throw new Error(`${count} events were read instead of ${expected}.`)
  }
  let version = longStream
  return {
    name: `${events.toLocaleString('en')} events`,
    events,
    readStreamMs: await timed(() => drain(store.readStream(long, { limit: longStream }), longStream)),
    readLastMs: await timed(() => drain(store.readAll({ after: String(head - 100), limit: 40 }), 40)),
    appendMs: await timed(() => store.append(long, [message(version)], { expectedVersion: version++ })),
  }
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let repeat = 0; repeat < repeats; repeat++) {
    const began = performance.now()
    await call()
    times.push(performance.now() - began)
  }
  return median(times)
}

async function catchUp(store: PostgresEventStore, events: number): Promise<CatchingUp> {
  const before = process.memoryUsage().heapUsed
  let most = before
  let count = 0
  const began = performance.now()
  for await (const _ of store.readAll({ limit: events })) {
    if (++count % 1_000 === 0) most = Math.max(most, process.memoryUsage().heapUsed)
  }
  const seconds = (performance.now() - began) / 1_000
  return { title: 'PostgreSQL, catching up', events: count, seconds, heapMiB: (most - before) / mebibyte }
}
