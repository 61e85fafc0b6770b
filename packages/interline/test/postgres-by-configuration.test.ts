import { randomUUID } from 'node:crypto'
import { findServer, freePort } from '@interline/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type BusConfig, createBus, defineEvent, EventBusFactory, type IEventBus, isInterlineError, staticSchema } from '../src/index.js'

const OrderPlaced = defineEvent('InPostgresPlaced', {
  topic: 'inpostgres.placed',
  schema: staticSchema<{ orderId: string }>(),
  key: (data) => data.orderId,
})
let url: string

beforeAll(async () => {
  url = (await findServer('postgres')).url
})

const schemas: string[] = []
const open: IEventBus[] = []
const opened = (config: BusConfig): IEventBus => {
  const bus = EventBusFactory.create({ service: 'shop', ...config })
  open.push(bus)
  return bus
}
afterEach(async () => {
  vi.unstubAllEnvs()
  await Promise.all(open.splice(0).map((bus) => bus.close()))
})
afterAll(async () => {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const schema of schemas) await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
  await client.end()
})

const schemaOfThisTest = (): string => {
  const schema = `by_configuration_${randomUUID().slice(0, 8)}`
  schemas.push(schema)
  return schema
}

describe('a store in PostgreSQL by configuration alone', () => {
  const connections: [string, () => BusConfig['store']][] = [
    ['a server', () => ({ type: 'postgres', postgres: { url, schema: schemaOfThisTest(), table: 'events', pool: { max: 3 } } })],
    ['an embedded PGlite', () => ({ type: 'postgres', postgres: { dataDir: 'memory://', table: 'events' } })],
  ]

  it.each(connections)('works on %s', async (_where, store) => {
    const bus = opened({ store: store() })
    const seen: string[] = []
    await bus.subscribe(OrderPlaced, ({ data }) => void seen.push(data.orderId), { name: 'mail' })
    await bus.start()
    await bus.publishBatch(['o-1', 'o-2', 'o-3'].map((orderId) => OrderPlaced({ orderId }, { correlationId: 'r-1' })))
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['o-1', 'o-2', 'o-3'])
    expect(await bus.getStore().getEvents('o-2')).toMatchObject([{ data: { orderId: 'o-2' } }])
    expect(await bus.getStore().getEventsByCorrelationId('r-1')).toHaveLength(3)
    expect(await bus.health()).toMatchObject({ status: 'pass', checks: { 'postgres:store': [{}] } })
  })

  it('takes its server from the environment where the configuration names only a table', async () => {
    vi.stubEnv('EVENT_STORE_CONNECTION_URL', '')
    vi.stubEnv('DATABASE_URL', url)
    const bus = opened({ store: { type: 'postgres', postgres: { table: 'events', schema: schemaOfThisTest() } } })
    await bus.start()
    await bus.getStore().saveEvents('user:1', [{ type: 'UserRegistered' }], 0)
    expect(await bus.getStore().getEvents('user:1')).toHaveLength(1)
  })

  it('says what is wrong, and no secret', async () => {
    const secret = 'correct-horse-battery'
    const port = await freePort()
    const bus = opened({ store: { type: 'postgres', postgres: { url: `postgres://app:${secret}@127.0.0.1:${port}/events` } } })
    const error: unknown = await bus.start().catch((thrown: unknown) => thrown)
    expect(isInterlineError(error)).toBe(true)
    expect((error as Error).message).toMatch(/PostgreSQL did not answer/)
    expect(JSON.stringify([error, (error as Error).stack, String((error as Error).cause)])).not.toContain(secret)
    for (const postgres of [{ url: `mysql://${secret}@x` }, { table: 'a"b' }, { pool: { max: 0 } }, { tabel: 'x' }]) {
      const refused = await Promise.resolve()
        .then(() => opened({ store: { type: 'postgres', postgres: postgres as object } }).start())
        .catch((thrown: unknown) => thrown)
      expect(refused).toMatchObject({ code: 'INTERLINE_CONFIGURATION' })
      expect((refused as Error).message).not.toContain(secret)
    }
    expect(() => createBus({ store: { type: 'postgres', redis: {} } as never })).toThrow(/settings of another type/)
  })
})
