import { type OutboxOutlet, systemClock, type WireMessage } from '@interline/core'
import type { PostgresOutboxOptions } from '@interline/postgres'
import { waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { cleanUp, plainClient } from '../postgres-server.js'
import { OrderCreated } from './orders.js'
import { newSchema, PgOutbox } from './outboxes.js'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** An outbox, and keys that share a partition of it. */
async function opened(options: PostgresOutboxOptions) {
  const schema = newSchema()
  const room = new PgOutbox(schema, options)
  await room.connect()
  await using client = await plainClient()
  const ids = Array.from({ length: 200 }, (_, index) => `k-${index}`)
  await room.transaction(({ add }) => add(ids.map((orderId) => OrderCreated({ orderId }))))
  const { rows } = await client.sql.query<{ keys: string[] }>(
    `SELECT array_agg(key ORDER BY id) AS keys FROM "${schema}".interline_outbox GROUP BY partition ORDER BY count(*) DESC LIMIT 1`,
  )
  await client.sql.query(`DELETE FROM "${schema}".interline_outbox`)
  return {
    keys: rows[0]?.keys ?? [],
    outbox: room.outbox,
    /** Adds, and waits with the commit. */
    add: (orderId: string, note: string, mayCommit?: () => Promise<unknown>) =>
      room.transaction(async ({ add }) => {
        await add([OrderCreated({ orderId, note })])
        await mayCommit?.()
      }),
    async [Symbol.asyncDispose]() {
      await room.close()
      await cleanUp(schema)
    },
  }
}

/** Lets so many publishes through. */
class GatedOutlet implements OutboxOutlet {
  readonly clock = systemClock
  readonly logger = silent
  /** The notes of each key, as they arrived. */
  readonly notes = new Map<string, string[]>()
  arrived = 0
  begun = 0
  allowed: number

  constructor(allowed: number) {
    this.allowed = allowed
  }

  check(): void {}

  async publish(messages: readonly WireMessage[]): Promise<void> {
    const turn = ++this.begun
    await waitFor(() => this.allowed >= turn, { what: `leave to publish ${turn}`, limitMs: 20_000 })
    for (const { key = '', data } of messages) {
      this.notes.set(key, [...(this.notes.get(key) ?? []), JSON.parse(String(data)).note])
      this.arrived++
    }
  }

  async health() {
    return { status: 'pass' } as const
  }
}

test('a transaction that commits late is not overtaken by the next one of its key', async () => {
  await using room = await opened({ batchSize: 1, pollMs: 100 })
  const [late, other] = room.keys as [string, string]
  let commit = (): void => undefined
  const mayCommit = new Promise<void>((resolve) => {
    commit = resolve
  })
  let open: Promise<unknown> = Promise.resolve()
  await new Promise<void>((added) => {
    open = room.add(late, 'first', () => {
      added()
      return mayCommit
    })
  })
  for (const note of ['0', '1', '2', '3', '4', '5']) await room.add(other, note)
  const outlet = new GatedOutlet(2)
  await room.outbox.start(outlet)
  // It is past the late one's number, with the next batch in hand.
  await waitFor(() => outlet.begun === 3, { what: 'the third publish', limitMs: 5_000 })
  commit()
  await open
  await room.add(late, 'second')
  outlet.allowed = Number.POSITIVE_INFINITY
  await waitFor(() => outlet.arrived === 8, { what: 'all', progress: () => outlet.arrived, limitMs: 10_000 })
  expect(outlet.notes.get(late)).toEqual(['first', 'second'])
  expect(outlet.notes.get(other)).toEqual(['0', '1', '2', '3', '4', '5'])
})

test('nor where it stays open for long, beside one that stays open and adds nothing', async () => {
  await using room = await opened({ batchSize: 1, pollMs: 100 })
  const [late, other] = room.keys as [string, string]
  await using foreign = await plainClient()
  await foreign.sql.query('BEGIN; SELECT pg_current_xact_id()')
  const outlet = new GatedOutlet(0)
  await room.outbox.start(outlet)
  let noted = 0
  const note = (count: number) => Promise.all(Array.from({ length: count }, () => room.add(other, String(noted++))))
  let open: Promise<unknown> = Promise.resolve()
  await new Promise<void>((added) => {
    open = room.add(late, 'first', async () => {
      added()
      await note(3)
      // Several times as long as until it is looked who adds.
      for (let step = 1; step <= 30; step++) {
        outlet.allowed++
        await note(1)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })
  })
  await open
  await room.add(late, 'second')
  outlet.allowed = Number.POSITIVE_INFINITY
  await waitFor(() => outlet.arrived === noted + 2, { what: 'all', progress: () => outlet.arrived, limitMs: 10_000 })
  expect(outlet.notes.get(late)).toEqual(['first', 'second'])
})

test('whatever the order in which transactions of a partition commit, each key keeps its own', async () => {
  await using room = await opened({ batchSize: 7, pollMs: 100 })
  const outlet = new GatedOutlet(Number.POSITIVE_INFINITY)
  await room.outbox.start(outlet)
  const notes = Array.from({ length: 150 }, (_, index) => String(index))
  const adders = room.keys.slice(0, 6).map(async (key) => {
    for (const note of notes) await room.add(key, note, () => new Promise((resolve) => setTimeout(resolve, Math.random() ** 4 * 30)))
  })
  await Promise.all(adders)
  await waitFor(() => outlet.arrived >= 6 * notes.length, { what: 'all', progress: () => outlet.arrived, limitMs: 10_000 })
  for (const key of room.keys.slice(0, 6)) expect(outlet.notes.get(key)).toEqual(notes)
})
