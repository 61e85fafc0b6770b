import { FaultProxy, waitFor } from '@interline/testing'
import pg from 'pg'
import { expect, test } from 'vitest'
import { openDatabase } from '../../src/database/open-database.js'
import { resolveConnection } from '../../src/postgres-options.js'
import { url } from '../postgres-server.js'
import { messages, testStore } from './stores.js'

const listeners = `SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND query LIKE $1`

test('another process is told soon, and not for every append', async () => {
  await using room = testStore({ hints: true })
  let heard = 0
  const stop = room.store.onAppended(() => heard++)
  await waitFor(() => heard === 1, { what: 'the connection that listens' })
  const other = room.another()
  await other.append('s', messages(1))
  await waitFor(() => heard >= 2, { what: 'the hint' })
  const before = heard
  const began = performance.now()
  for (let time = 0; time < 60; time++) await other.append('s', messages(1))
  await waitFor(() => heard > before, { what: 'more hints' })
  // One in 50 ms, however long the appends take.
  expect(heard - before).toBeLessThanOrEqual((performance.now() - began) / 50 + 2)
  stop()
})

test('a listener whose connection is lost listens again, and looks once', async () => {
  await using proxy = await FaultProxy.start({ host: new URL(url).hostname, port: Number(new URL(url).port || 5432) })
  await using room = testStore()
  const store = room.another({ url: Object.assign(new URL(url), { host: `127.0.0.1:${proxy.port}` }).href, hints: true })
  let heard = 0
  store.onAppended(() => heard++)
  await waitFor(() => heard === 1, { what: 'the connection that listens' })
  proxy.cut()
  await waitFor(() => heard === 2, { what: 'the connection that listens again' })
  const other = room.another({ hints: true })
  await other.append('s', messages(1))
  await waitFor(() => heard >= 3, { what: 'the hint' })
  expect(room.warnings).toEqual([expect.stringContaining('readers look by themselves')])
})

test('a connection that is half open is found out by asking', async () => {
  await using proxy = await FaultProxy.start({ host: new URL(url).hostname, port: Number(new URL(url).port || 5432) })
  const connection = resolveConnection({ url: Object.assign(new URL(url), { host: `127.0.0.1:${proxy.port}` }).href })
  const database = await openDatabase(connection, true)
  const listening = await database.listen?.('interline_test', { notified: () => undefined, lost: () => undefined })
  await listening?.check(1_000)
  proxy.blackhole('both')
  await expect(listening?.check(100)).rejects.toThrow('no answer within 100 ms')
  proxy.cut()
  await listening?.stop()
  await database.close()
})

test('with hints off, nothing listens, notifies or stays on a connection', async () => {
  await using room = testStore({ hints: false, prepare: false, maxConnections: 1 })
  let heard = 0
  room.store.onAppended(() => heard++)
  const other = room.another({ hints: true })
  await other.append('s', messages(1))
  await room.store.append('s', messages(1))
  expect(heard).toBe(1)
  expect(await room.sql(listeners, [`%${room.schema}%`])).toEqual([])
})

test('works on a pool that leaves nothing on a connection, as pgbouncer does between transactions, and never ends it', async () => {
  await using room = testStore()
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('release', (_error, client) => void client.query('DISCARD ALL').catch(() => undefined))
  const store = room.another({ client: pool, prepare: false })
  await Promise.all([1, 2, 3, 4].map((n) => store.append(`s-${n}`, messages(10))))
  await store.checkpoints.save('r', '1', undefined)
  expect(await store.deleteStream('s-1')).toBe(true)
  await store.close()
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  await pool.end()
})
