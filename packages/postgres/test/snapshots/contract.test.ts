import { PGlite } from '@electric-sql/pglite'
import { PostgresSnapshotStore } from '@interline/postgres'
import { testSnapshotStore } from '@interline/testing'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { testStore } from '../event-store/stores.js'
import { cleanUp, schemaOf, url } from '../postgres-server.js'

const embedded = new PGlite()
// Its start takes a busy machine long.
beforeAll(() => embedded.waitReady, 90_000)
afterAll(() => embedded.close())

const runner = { describe, it }

testSnapshotStore('postgres snapshots', {
  create: (namespace) => new PostgresSnapshotStore({ url, schema: schemaOf(namespace), maxConnections: 4 }),
  cleanUp,
  runner,
})
testSnapshotStore('pglite snapshots', {
  create: (namespace) => new PostgresSnapshotStore({ client: embedded, schema: schemaOf(namespace) }),
  runner,
})

test('snapshots stand in the schema of the events, where a user who may make no tables finds them missing', async () => {
  await using room = testStore()
  await room.store.connect()
  await using refused = new PostgresSnapshotStore({ url, schema: room.schema, migrate: false })
  await expect(refused.load('s')).rejects.toThrow('interline_snapshots are missing')
  await using snapshots = new PostgresSnapshotStore({ url, schema: room.schema })
  const data = new Uint8Array([1])
  await snapshots.save({ stream: 's', version: 1, schemaVersion: 1, eventId: 'e', takenAt: 5, data })
  expect((await refused.load('s'))?.data.length).toBe(1)
  await room.sql(
    `INSERT INTO "${room.schema}".interline_snapshots_migrations SELECT 99, 'newer', scope FROM "${room.schema}".interline_snapshots_migrations`,
  )
  await using older = new PostgresSnapshotStore({ url, schema: room.schema })
  await expect(older.load('s')).rejects.toThrow('a newer one made them')
})

test.each<[string, object, string]>([
  ['an unknown option', { tabel: 'x' }, 'Unknown option snapshots.postgres.tabel'],
  ['a table that must be quoted', { table: 'a"b' }, 'snapshots.postgres.table'],
  ['a URL that is none', { url: 'http://secret@host' }, 'is no URL'],
])('%s is refused', (_what, options, words) => {
  expect(() => new PostgresSnapshotStore(options)).toThrow(words)
  expect(() => new PostgresSnapshotStore(options)).not.toThrow('secret')
})
