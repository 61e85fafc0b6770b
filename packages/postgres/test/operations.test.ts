import { idempotentOperations } from '@interline/core'
import { PostgresOperationStore } from '@interline/postgres'
import { waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { newSchema } from './outbox/outboxes.js'
import { cleanUp, url } from './postgres-server.js'

test('an operation of a process that stood still for longer than its lease has run, unless another has taken it over', async () => {
  const schema = newSchema()
  const stores = [new PostgresOperationStore({ url, schema }), new PostgresOperationStore({ url, schema })] as const
  try {
    const idempotent = idempotentOperations(stores[0], { leaseMs: 100 })
    let runs = 0
    const standStill = (): number => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
      return ++runs
    }
    expect(await idempotent({ operation: 'hold', key: 'mine' }, standStill)).toBe(1)
    expect(runs).toBe(1)
    const claim = { owner: 'other', fingerprint: '', leaseMs: 10_000 }
    const taken = idempotent({ operation: 'hold', key: 'taken' }, async () => {
      standStill()
      expect(await stores[1].begin('hold\ntaken', claim)).toEqual({ kind: 'begun' })
      return 'too late'
    })
    await waitFor(() => stores[1].complete('hold\ntaken', { owner: 'other', outcome: '{"result":"theirs"}', ttlMs: 10_000 }), {
      what: 'the other one to end',
    })
    expect(await taken).toBe('theirs')
  } finally {
    for (const store of stores) await store.close()
    await cleanUp(schema)
  }
})
