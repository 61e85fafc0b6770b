import { PGlite } from '@electric-sql/pglite'
import { PostgresSagaStore } from '@interline/postgres'
import { testSagaStore } from '@interline/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { cleanUp, schemaOf, url } from '../postgres-server.js'

const embedded = new PGlite()
beforeAll(() => embedded.waitReady)
afterAll(() => embedded.close())

const runner = { describe, it }

testSagaStore('postgres saga store', {
  create: (namespace) => new PostgresSagaStore({ url, schema: schemaOf(namespace), maxConnections: 4 }),
  cleanUp,
  runner,
})
testSagaStore('pglite saga store', {
  create: (namespace) => new PostgresSagaStore({ client: embedded, schema: schemaOf(namespace) }),
  runner,
})
