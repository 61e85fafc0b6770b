import { PostgresEventStore } from '@interline/postgres'
import { expect, test } from 'vitest'
import { migrate } from '../../src/database/migrate.js'
import { openDatabase } from '../../src/database/open-database.js'
import { eventStoreMigrations } from '../../src/event-store/schema/migrations.js'
import { StoreNames } from '../../src/event-store/store-names.js'
import { resolveConnection } from '../../src/postgres-options.js'
import { url } from '../postgres-server.js'
import { all, messages, testStore } from './stores.js'

test('many processes that begin at once make the tables once', async () => {
  await using room = testStore()
  const stores = Array.from({ length: 8 }, () => room.another())
  await Promise.all(stores.map((store) => store.connect()))
  expect(new Set(stores.map(({ capabilities: { scope } }) => scope)).size).toBe(1)
  expect(await room.sql(`SELECT version, name FROM "${room.schema}".interline_events_migrations`)).toEqual([
    { version: 1, name: 'event-store' },
  ])
})

test('tables of a newer version are refused, and of an unfinished step nothing is there', async () => {
  await using room = testStore()
  await room.store.append('s', messages(1))
  await room.sql(`INSERT INTO "${room.schema}".interline_events_migrations (version, name, scope) VALUES (2, 'next', gen_random_uuid())`)
  await expect(room.another().connect()).rejects.toMatchObject({
    code: 'INTERLINE_CONFIGURATION',
    message: expect.stringMatching(/are of version 2, and this package knows 1.*Update @interline\/postgres/),
  })
})

test('a step that failed half way has not happened, and the next try makes it whole', async () => {
  await using room = testStore()
  await room.sql(`CREATE SCHEMA "${room.schema}"`)
  await room.sql(`CREATE TABLE "${room.schema}".interline_events_leases (mine int)`)
  await expect(room.store.connect()).rejects.toThrow('already exists')
  const tables = await room.sql('SELECT tablename FROM pg_tables WHERE schemaname = $1', [room.schema])
  expect(tables).toEqual([{ tablename: 'interline_events_leases' }])
  await room.sql(`DROP TABLE "${room.schema}".interline_events_leases`)
  expect((await room.store.append('s', messages(1))).version).toBe(1)
})

test('newer code brings older tables up to date once, and older code refuses what newer made', async () => {
  await using room = testStore()
  await room.store.append('s', messages(2))
  const database = await openDatabase(resolveConnection({ url }), false)
  const names = new StoreNames(room.schema, 'interline_events')
  const next = (statements: string): typeof eventStoreMigrations => [
    ...eventStoreMigrations,
    { name: 'next', statements: () => statements },
  ]
  await expect(migrate(database, names, next('SELECT 1'), false)).rejects.toThrow(/are of version 1, and 2 is needed.*set migrate: true/)
  const half = `ALTER TABLE ${names.events} ADD COLUMN half int; SELECT 1 / 0`
  await expect(migrate(database, names, next(half), true)).rejects.toThrow('division by zero')
  expect((await room.another().append('s', messages(1), { expectedVersion: 2 })).version).toBe(3)
  const whole = next(`ALTER TABLE ${names.events} ADD COLUMN whole int`)
  const made = await Promise.all(Array.from({ length: 6 }, () => migrate(database, names, whole, true)))
  expect(new Set(made.map(({ version, scope }) => `${version} ${scope}`)).size).toBe(1)
  const columns = await room.sql(
    `SELECT column_name FROM information_schema.columns WHERE table_schema = $1 AND column_name IN ('half', 'whole')`,
    [room.schema],
  )
  expect(columns).toEqual([{ column_name: 'whole' }])
  await expect(room.another().connect()).rejects.toThrow(/are of version 2, and this package knows 1/)
  await database.close()
})

test('without the right to make tables, says what is missing', async () => {
  await using room = testStore({ migrate: false })
  await expect(room.store.connect()).rejects.toThrow(/are missing/)
  await room.another({ migrate: true }).connect()
  expect((await room.store.append('s', messages(1))).version).toBe(1)
})

test('two tables of one schema are two stores, and one that was dropped begins anew under another scope', async () => {
  await using room = testStore({ table: 'orders' })
  const other = room.another({ table: 'Payments_2' })
  await Promise.all([room.store.append('s', messages(2)), other.append('s', messages(3))])
  expect([(await all(room.store.readAll())).length, (await all(other.readAll())).length]).toEqual([2, 3])
  const { scope } = room.store.capabilities
  expect(other.capabilities.scope).not.toBe(scope)
  await room.sql(`DROP SCHEMA "${room.schema}" CASCADE`)
  const anew = room.another({ table: 'orders' })
  await anew.connect()
  expect(anew.capabilities.scope).not.toBe(scope)
})

test.each([
  ['table', 'a"b'],
  ['table', ''],
  ['table', 'x'.repeat(41)],
  ['schema', 'a;b'],
  ['schema', '1st'],
  ['tabel', 'x'],
])('refuses the option %s: %j, clearly', (name, value) => {
  expect(() => new PostgresEventStore({ [name]: value })).toThrow(new RegExp(`store.postgres.${name}`))
})

test.each<[object, string]>([
  [{ url: 'mysql://app:secret@db/x' }, 'no URL such as postgresql://'],
  [{ url: 'postgres://a/b', host: 'c' }, 'each say where PostgreSQL is'],
  [{ client: {} }, 'a Pool of the package pg, or a PGlite'],
  [{ maxConnections: 1, pool: { max: 2 } }, 'say the same thing'],
  [{ retention: {} }, 'says nothing about what goes'],
  [{ retention: { maxEvents: 0 } }, 'a whole number of at least 1'],
  [{ password: 5 }, 'must be a string'],
])('refuses %j', (options, words) => {
  const error = (() => {
    try {
      return new PostgresEventStore(options)
    } catch (thrown) {
      return thrown as Error
    }
  })() as Error
  expect(error.message).toContain(words)
  expect(error.message).not.toContain('secret')
})
