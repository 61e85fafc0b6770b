import { PGlite } from '@electric-sql/pglite'
import { testOutbox } from '@interline/testing'
import { afterAll, describe, it } from 'vitest'
import { cleanUp, url } from '../postgres-server.js'
import { EmbeddedOutbox, PgOutbox, schemaOf } from './outboxes.js'

testOutbox('postgres', {
  create: (namespace) => new PgOutbox(namespace),
  cleanUp: (namespace) => cleanUp(schemaOf(namespace)),
  processes: { module: new URL('../relay-outbox.mjs', import.meta.url), args: [url] },
  runner: { describe, it },
})

const client = await PGlite.create()
afterAll(() => client.close())
testOutbox('on PGlite', {
  create: (namespace) => new EmbeddedOutbox(client, namespace),
  leaveOut: { O02: 'a folder has one process', O03: 'one process has one relay' },
  runner: { describe, it },
})
