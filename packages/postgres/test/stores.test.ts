import { PGlite } from '@electric-sql/pglite'
import { PostgresDeadLetterStore, PostgresIdempotencyStore, PostgresOperationStore } from '@interline/postgres'
import { testDeadLetterStore, testIdempotencyStore, testOperationStore } from '@interline/testing'
import { afterAll, describe, expect, it, test } from 'vitest'
import { newSchema } from './outbox/outboxes.js'
import { cleanUp, schemaOf, url } from './postgres-server.js'

const common = { cleanUp: (namespace: string) => cleanUp(namespace), runner: { describe, it } }
const at = (namespace: string) => ({ url, schema: schemaOf(namespace), maxConnections: 4 })

testIdempotencyStore('postgres idempotency store', { ...common, create: (namespace) => new PostgresIdempotencyStore(at(namespace)) })
testDeadLetterStore('postgres dead-letter store', { ...common, create: (namespace) => new PostgresDeadLetterStore(at(namespace)) })
testOperationStore('postgres operation store', { ...common, create: (namespace) => new PostgresOperationStore(at(namespace)) })
// One for all cases, each of which has a schema of its own: it takes seconds to start.
const client = await PGlite.create()
afterAll(() => client.close())
const embedded = { runner: { describe, it } } as const
const inside = (namespace: string) => ({ client, schema: schemaOf(namespace) })
testIdempotencyStore('idempotency store on PGlite', { ...embedded, create: (namespace) => new PostgresIdempotencyStore(inside(namespace)) })
testDeadLetterStore('dead-letter store on PGlite', { ...embedded, create: (namespace) => new PostgresDeadLetterStore(inside(namespace)) })
testOperationStore('operation store on PGlite', { ...embedded, create: (namespace) => new PostgresOperationStore(inside(namespace)) })

test('what is past its time is removed, and only that', async () => {
  const schema = newSchema()
  const store = new PostgresIdempotencyStore({ url, schema })
  try {
    const claims = Array.from({ length: 6_000 }, (_, n) => ({ key: `${'long '.repeat(20)}${n}`, owner: 'a' }))
    await store.complete(claims, { ttlMs: 1 })
    await store.complete([{ key: 'kept', owner: 'a' }], { ttlMs: 60_000 })
    expect(await store.cleanUp()).toBe(6_000)
    expect(await store.size()).toBe(1)
    expect(await store.claim([{ key: 'kept', owner: 'b' }], { leaseMs: 1 })).toEqual(['done'])
  } finally {
    await store.close()
    await cleanUp(schema)
  }
})
