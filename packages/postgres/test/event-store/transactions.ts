import { newEventId, type RecordedEvent } from '@interline/core'
import { waitFor } from '@interline/testing'
import pg from 'pg'
import { url } from '../postgres-server.js'
import type { TestStore } from './stores.js'

/** Appends by the store's own function inside a transaction of the test's own, which decides when, and whether, it commits. */
export async function appendIn(client: pg.ClientBase, schema: string, stream: string, count = 1): Promise<void> {
  const ids = Array.from({ length: count }, () => newEventId())
  await client.query(
    `SELECT * FROM "${schema}".interline_events_append(ARRAY[$1], ARRAY[-1]::bigint[], ARRAY[$2::int], ARRAY[true], false, $3::text[],
      $4::text[], NULL, NULL, NULL, $5::text[], $4::text[], NULL)`,
    [stream, count, ids, ids.map(() => 'Held'), ids.map(() => '["/test",null,"held.open",null,1,0]')],
  )
}

export interface TailResult {
  readonly seen: number
  readonly rolledBack: number
  readonly missed: number
  readonly repeated: number
  readonly inversions: number
  /** How many events the tail had seen while a foreign transaction was open all along. */
  readonly seenBesideForeign: number
}

const writers = 16
const streams = 40

/**
 * A tail beside 16 writers whose transactions are held open, commit in any order, or are rolled back; some have a transaction id long
 * before they append; a foreign transaction is open all along. Every pause is random.
 */
export async function tailBesideTransactions(room: TestStore, durationMs: number): Promise<TailResult> {
  await room.store.connect()
  const pool = new pg.Pool({ connectionString: url, max: writers + 1 })
  const foreign = await pool.connect()
  await foreign.query(`CREATE TABLE "${room.schema}".foreign_work (id int)`)
  await foreign.query('BEGIN')
  await foreign.query(`INSERT INTO "${room.schema}".foreign_work VALUES (1)`)
  const seen: RecordedEvent[] = []
  let running = true
  let rolledBack = 0
  const readOn = async (): Promise<void> => {
    for await (const event of room.store.readAll({ after: seen.at(-1)?.position })) seen.push(event)
  }
  const tail = (async () => {
    while (running) await readOn()
  })()
  const write = async (): Promise<void> => {
    const client = await pool.connect()
    try {
      while (running) {
        await client.query('BEGIN')
        if (chance(0.2)) await client.query('SELECT pg_current_xact_id()')
        if (chance(0.2)) await hold(10)
        const targets = [pick(), ...(chance(0.2) ? [pick()] : [])].sort()
        for (const target of targets) {
          await appendIn(client, room.schema, `s-${target}`, 1 + Math.floor(Math.random() * 3))
          if (chance(0.2)) await hold(5)
        }
        if (chance(0.1)) await hold(25)
        const gone = chance(0.15)
        await client.query(gone ? 'ROLLBACK' : 'COMMIT')
        if (gone) rolledBack++
      }
    } finally {
      client.release(true)
    }
  }
  const writing = Promise.all(Array.from({ length: writers }, write))
  const until = performance.now() + durationMs
  await waitFor(() => performance.now() >= until, { what: 'the time of the test', limitMs: durationMs + 10_000 })
  const seenBesideForeign = seen.length
  running = false
  await writing
  await tail
  await readOn()
  await foreign.query('ROLLBACK')
  foreign.release()
  await pool.end()
  const there = await room.sql(`SELECT position::text FROM "${room.schema}".interline_events ORDER BY position`)
  const positions = new Set(seen.map(({ position }) => position))
  const last = new Map<string, number>()
  let inversions = 0
  let before = 0
  for (const { stream, version, position } of seen) {
    if (version !== (last.get(stream) ?? 0) + 1 || Number(position) <= before) inversions++
    last.set(stream, version)
    before = Number(position)
  }
  return {
    seen: seen.length,
    rolledBack,
    missed: there.filter(({ position }) => !positions.has(String(position))).length,
    repeated: seen.length - positions.size,
    inversions,
    seenBesideForeign,
  }
}

const chance = (share: number): boolean => Math.random() < share
const pick = (): number => Math.floor(Math.random() * streams)
const hold = (mostMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.random() * mostMs))
