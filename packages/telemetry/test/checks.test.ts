import { MemorySagaStore } from '@interline/memory'
import { locksCheck, poolCheck, queryCheck, sagasCheck } from '@interline/telemetry'
import { findServer, waitFor } from '@interline/testing'
import pg from 'pg'
import { describe, expect, it } from 'vitest'

describe('the check of a pool', () => {
  it('counts what is in use, and warns where too many wait', () => {
    const pool = { totalCount: 10, idleCount: 4, waitingCount: 2 }
    expect(poolCheck(pool)()).toEqual({ status: 'pass', observedValue: 6, observedUnit: 'connections in use' })
    expect(poolCheck(pool, { maxWaiting: 1 })()).toMatchObject({ status: 'warn', output: '2 wait for a connection, more than 1.' })
  })

  it('is true of a pool of pg, while it is exhausted and afterwards', async () => {
    const { url } = await findServer('postgres')
    const pool = new pg.Pool({ connectionString: url, max: 1 })
    const check = poolCheck(pool, { maxWaiting: 0 })
    const held = await pool.connect()
    const waiting = pool.query('SELECT 1')
    expect(await check()).toMatchObject({ status: 'warn', observedValue: 1 })
    held.release()
    await waiting
    expect(await check()).toMatchObject({ status: 'pass', observedValue: 0 })
    await pool.end()
  })
})

it('the check of a query tells how long it took, and throws what it throws', async () => {
  expect(await queryCheck(async () => undefined)()).toMatchObject({ status: 'pass', observedUnit: 'ms' })
  expect(await queryCheck(async () => undefined, { maxMs: -1 })()).toMatchObject({ status: 'warn', output: 'It took longer than -1 ms.' })
  await expect(queryCheck(() => Promise.reject(new Error('gone')))()).rejects.toThrow('gone')
})

it('the check of locks warns as long as statements wait for one', async () => {
  const { url } = await findServer('postgres')
  const pool = new pg.Pool({ connectionString: url, max: 3 })
  const check = locksCheck((text) => pool.query(text), { maxWaiting: 0 })
  const lock = 'SELECT pg_advisory_lock(4711001)'
  const [holder, waiter] = [await pool.connect(), await pool.connect()]
  await holder.query(lock)
  const waiting = waiter.query(lock)
  await waitFor(async () => (await check()).status === 'warn', { what: 'the check to warn of the lock' })
  expect((await check()).output).toMatch(/^\d+ statements wait for a lock, more than 0\.$/)
  await holder.query('SELECT pg_advisory_unlock(4711001)')
  await waiting
  // others may wait for locks of their own on a shared server
  expect((await check()).observedValue).toEqual(expect.any(Number))
  holder.release(true)
  waiter.release(true)
  await pool.end()
})

it('the check of sagas counts those under way, and warns of those that are parked until they go on', async () => {
  const store = new MemorySagaStore()
  const check = sagasCheck(store)
  const change = { status: 'running', dueAt: undefined, body: '{}' } as const
  const created = await store.create('Payment', 'p-1', change, { leaseMs: 1_000 })
  await store.create('Payment', 'p-2', { ...change, status: 'completed' }, { leaseMs: 1_000 })
  expect(await check()).toEqual({ status: 'pass', observedValue: 1, observedUnit: 'sagas under way' })
  if (created === undefined) throw new Error('The saga was not made.')
  const parked = await store.save(created.record, { ...change, status: 'parked' }, {})
  expect(await check()).toMatchObject({ status: 'warn', observedValue: 0, output: '1 sagas are parked: resume or cancel them.' })
  if (parked === undefined) throw new Error('The saga was not saved.')
  await store.save(parked, { ...change, status: 'compensating' }, {})
  expect(await check()).toMatchObject({ status: 'pass', observedValue: 1 })
})
