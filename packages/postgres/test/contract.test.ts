import { PGlite } from '@electric-sql/pglite'
import { PostgresEventStore } from '@interline/postgres'
import { testEventStore, testLeaseStore } from '@interline/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { cleanUp, schemaOf, storeOf, storeServer } from './postgres-server.js'

const embedded = new PGlite()
const inEmbedded = (namespace: string): PostgresEventStore => new PostgresEventStore({ client: embedded, schema: schemaOf(namespace) })
// Its start keeps this process busy for seconds, and a case beside it would take the server for a silent one.
beforeAll(() => embedded.waitReady)
afterAll(() => embedded.close())

const quiet = { warn: () => undefined }
const runner = { describe, it }

testEventStore('postgres event store', {
  create: (namespace) => storeOf(namespace),
  retaining: (namespace, retention) => storeOf(namespace, { retention, logger: quiet }),
  server: storeServer,
  processes: { module: new URL('./worker-store.mjs', import.meta.url) },
  cleanUp,
  runner,
})
testEventStore('pglite event store', {
  create: inEmbedded,
  retaining: (namespace, retention) => new PostgresEventStore({ client: embedded, schema: schemaOf(namespace), retention, logger: quiet }),
  leaveOut: { S14: 'its server is this process' },
  runner,
})

const leased: PostgresEventStore[] = []
const leasesOf = (store: PostgresEventStore): PostgresEventStore['leases'] => {
  leased.push(store)
  return store.leases
}
afterAll(() => Promise.all(leased.map((store) => store.close())))

testLeaseStore('postgres leases', { create: (namespace) => leasesOf(storeOf(namespace)), cleanUp, runner })
testLeaseStore('pglite leases', { create: (namespace) => leasesOf(inEmbedded(namespace)), runner })
