import { Projection, type ProjectionContext, type ProjectionOptions } from '@interline/domain'
import { describe, expect, test } from 'vitest'
import { Deposited } from './account.js'
import { places, sql } from './places.js'

const silent = { warn: () => undefined, error: () => undefined }
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** A table of balances in the schema of the store. */
function balances(schema: string): Pick<ProjectionOptions, 'name' | 'setUp' | 'tearDown' | 'logger' | 'pollMs' | 'retry'> {
  return {
    name: 'balances',
    logger: silent,
    pollMs: 50,
    retry: { maxAttempts: 2, backoff: { delayMs: 1 } },
    setUp: ({ tx, target }) =>
      tx.query(`CREATE TABLE IF NOT EXISTS "${schema}".${target} (stream text PRIMARY KEY, balance integer NOT NULL)`),
    tearDown: ({ tx, target }) => tx.query(`DROP TABLE IF EXISTS "${schema}".${target}`),
  }
}

const raise = (schema: string, amount: number, { tx, target, stream }: ProjectionContext): Promise<unknown> =>
  tx.query(
    `INSERT INTO "${schema}".${target} AS b VALUES ($1, $2) ON CONFLICT (stream) DO UPDATE SET balance = b.balance + excluded.balance`,
    [stream, amount],
  )

describe('a projection in a transaction', () => {
  test('writes all of a batch with its checkpoint, or nothing of it', async () => {
    await using room = places.postgres()
    const store = room.events()
    let broken = true
    const seen: number[] = []
    await using projection = new Projection({ ...balances(room.namespace), store }).on(Deposited, async ({ data }, context) => {
      await raise(room.namespace, data.amount, context)
      seen.push(data.amount)
      if (data.amount === 7 && broken) throw new Error('after its write')
    })
    await store.saveEvents(
      'account:a',
      range(10).map((amount) => Deposited({ amount })),
    )
    await projection.start()
    await expect(projection.caughtUp()).rejects.toThrow('after its write')
    const balance = async (): Promise<unknown> => (await sql(`SELECT balance FROM "${room.namespace}".balances_1`))[0]?.balance
    expect(await balance()).toBe(21)
    expect(seen.filter((amount) => amount === 0).length).toBe(2)
    broken = false
    await projection.resume()
    await projection.caughtUp()
    expect(await balance()).toBe(45)
  })

  test('writes nothing where another process has taken over', async () => {
    await using room = places.postgres()
    const store = room.events()
    let intrude = true
    await using projection = new Projection({ ...balances(room.namespace), store }).on(Deposited, async ({ data }, context) => {
      await raise(room.namespace, data.amount, context)
      if (data.amount !== 2 || !intrude) return
      intrude = false
      // As one does that believes that the lease of this one is over: it handles the same, and is first.
      await sql(`INSERT INTO "${room.namespace}".interline_events_checkpoints (name, position) VALUES ('projection:balances:1', $1)`, [
        context.position,
      ])
    })
    await store.saveEvents(
      'account:a',
      range(5).map((amount) => Deposited({ amount })),
    )
    await projection.start()
    await projection.caughtUp()
    expect(await sql(`SELECT balance FROM "${room.namespace}".balances_1`)).toEqual([{ balance: 3 + 4 }])
  })

  test('is reset and built anew in whole steps', async () => {
    await using room = places.postgres()
    const store = room.events()
    await using projection = new Projection({ ...balances(room.namespace), store, keepReplacedMs: 0 }).on(Deposited, ({ data }, context) =>
      raise(room.namespace, data.amount, context),
    )
    await store.saveEvents(
      'account:a',
      range(5).map((amount) => Deposited({ amount })),
    )
    await projection.start()
    await projection.caughtUp()
    await sql(`UPDATE "${room.namespace}".balances_1 SET balance = 999`)
    await projection.reset()
    await projection.caughtUp()
    expect(await sql(`SELECT balance FROM "${room.namespace}".balances_1`)).toEqual([{ balance: 10 }])
    await projection.rebuild()
    await projection.caughtUp()
    expect(await sql(`SELECT balance FROM "${room.namespace}".${await projection.target()}`)).toEqual([{ balance: 10 }])
  })

  test('holds nothing back by its notes, which are no positions', async () => {
    await using room = places.postgres()
    const store = room.events()
    const projection = new Projection({ ...balances(room.namespace), store }).on(Deposited, () => undefined)
    await projection.rebuild()
    await store.saveEvents('account:a', [Deposited({ amount: 1 })])
    const [note] = await sql(`SELECT name, position FROM "${room.namespace}".interline_events_checkpoints`)
    expect(note).toMatchObject({ name: 'note:projection:balances', position: expect.stringContaining('"next":2') })
    expect(await projection.status()).toMatchObject({ state: 'idle', live: 1, next: 2 })
    await projection.close()
    await expect(projection.start()).rejects.toThrow('is closed')
  })
})
