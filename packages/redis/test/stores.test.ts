import type { DeadLetter, Lease } from '@interline/core'
import { RedisCheckpointStore, RedisDeadLetterStore, RedisIdempotencyStore, RedisLeaseStore, RedisSagaStore } from '@interline/redis'
import { FaultProxy, startRedis, waitFor } from '@interline/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { message } from './broker-room.js'
import { cleanUp, plainClient, url } from './redis-server.js'

const prefix = `it-stores-${process.pid}-${Math.random().toString(36).slice(2, 8)}`
const options = { url, prefix }
const idempotency = new RedisIdempotencyStore(options)
const letters = new RedisDeadLetterStore(options)
const leases = new RedisLeaseStore(options)
const checkpoints = new RedisCheckpointStore(options)
const sagas = new RedisSagaStore(options)

afterAll(async () => {
  for (const store of [idempotency, letters, leases, checkpoints, sagas]) store.close()
  await cleanUp(prefix)
})

function letter(n: number, more: Partial<DeadLetter> = {}): DeadLetter {
  return {
    id: `letter-${n}`,
    group: 'mail',
    handler: 'send',
    destination: 'orders',
    topic: 'orders.created',
    eventType: 'OrderCreated',
    eventId: `event-${n}`,
    correlationId: undefined,
    reason: 'exhausted',
    error: { name: 'Error', message: 'no' },
    attempts: 3,
    firstAttemptAt: 1_000,
    deadAt: 2_000 + n,
    message: message(n),
    ...more,
  }
}

describe('the idempotency store', () => {
  it('gives a key to one owner at a time, and remembers what was completed', async () => {
    const [a, b] = [
      { key: 'one', owner: 'a' },
      { key: 'one', owner: 'b' },
    ]
    expect(await idempotency.claim([a, b], { leaseMs: 5_000 })).toEqual(['claimed', 'busy'])
    expect(await idempotency.claim([a], { leaseMs: 5_000 })).toEqual(['claimed'])
    await idempotency.release([b])
    expect(await idempotency.claim([b], { leaseMs: 5_000 })).toEqual(['busy'])
    await idempotency.release([a])
    expect(await idempotency.claim([b], { leaseMs: 5_000 })).toEqual(['claimed'])
    await idempotency.complete([b], { ttlMs: 5_000 })
    expect(await idempotency.claim([a, b], { leaseMs: 5_000 })).toEqual(['done', 'done'])
  })

  it('forgets claims and completions when their time is up', async () => {
    const claim = { key: 'a key that is longer than its hash would be', owner: 'a' }
    const other = { ...claim, owner: 'b' }
    await idempotency.claim([claim], { leaseMs: 60 })
    await waitFor(async () => (await idempotency.claim([other], { leaseMs: 5_000 }))[0] === 'claimed')
    await idempotency.complete([other], { ttlMs: 60 })
    await waitFor(async () => (await idempotency.claim([claim], { leaseMs: 5_000 }))[0] === 'claimed')
  })

  it('extends only the claims of their owner', async () => {
    const claim = { key: 'renewed', owner: 'a' }
    await idempotency.claim([claim], { leaseMs: 10_000 })
    await idempotency.renew([claim], { leaseMs: 60_000 })
    await idempotency.renew([{ ...claim, owner: 'b' }], { leaseMs: 1 })
    await using client = plainClient()
    expect(await client.redis.pttl(`${prefix}:done:renewed`)).toBeGreaterThan(10_000)
    expect(await idempotency.claim([{ ...claim, owner: 'b' }], { leaseMs: 1 })).toEqual(['busy'])
    expect(await idempotency.size()).toBeGreaterThanOrEqual(1)
  })

  it('answers nothing for nothing, without a call', async () => {
    expect(await idempotency.claim([], { leaseMs: 1 })).toEqual([])
  })
})

describe('the dead letter store', () => {
  it('lists the oldest first, in pages, also where many died at the same time', async () => {
    await letters.add([3, 1, 2].map((n) => letter(n)))
    await letters.add([4, 5, 6].map((n) => letter(n, { deadAt: 5_000 })))
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = await letters.list({}, { limit: 2, after })
      expect(page.letters.length).toBeLessThanOrEqual(2)
      seen.push(...page.letters.map(({ id }) => id))
      after = page.next
    } while (after !== undefined)
    expect(seen).toEqual([1, 2, 3, 4, 5, 6].map((n) => `letter-${n}`))
  })

  it('gives back the whole letter, bytes included', async () => {
    const full = letter(10, { correlationId: 'c', message: message(10, { data: new Uint8Array([0, 255]), key: 'k' }) })
    await letters.add([full])
    expect((await letters.list({ ids: ['letter-10'] })).letters).toEqual([full])
  })

  it('replaces one with the same id, filters, counts and removes', async () => {
    await letters.add([letter(20, { group: 'bill', attempts: 1 })])
    await letters.add([letter(20, { group: 'bill', attempts: 2, reason: 'rejected' })])
    expect((await letters.list({ group: 'bill' })).letters.map(({ attempts }) => attempts)).toEqual([2])
    expect(await letters.count({ group: 'bill', reason: 'rejected', since: new Date(2_020), until: new Date(2_021) })).toBe(1)
    expect(await letters.count({ group: 'bill', until: new Date(2_020) })).toBe(0)
    expect(await letters.remove(['letter-20', 'letter-99'])).toBe(1)
    expect(await letters.count({ group: 'bill' })).toBe(0)
  })

  it('leaves no failure unheard where the answers to a removal are lost', async () => {
    await using redis = await startRedis()
    await using proxy = await FaultProxy.start({ port: redis.port })
    const store = new RedisDeadLetterStore({ port: proxy.port, commandTimeoutMs: 300 })
    const unheard: unknown[] = []
    const hear = (reason: unknown): void => void unheard.push(reason)
    process.on('unhandledRejection', hear)
    try {
      await store.add([letter(30)])
      proxy.blackhole('replies')
      await expect(store.remove(['letter-30'])).rejects.toThrow()
      proxy.heal()
      proxy.cut()
      await waitFor(async () => (await store.count()) === 0)
      expect(unheard).toEqual([])
    } finally {
      process.off('unhandledRejection', hear)
      store.close()
    }
  })
})

describe('the lease store', () => {
  it('gives a lease to one owner, with a token that grows, and to the next when it ended', async () => {
    const first = (await leases.acquire('relay', 'a', { durationMs: 5_000 })) ?? expect.fail()
    expect(await leases.acquire('relay', 'b', { durationMs: 5_000 })).toBeUndefined()
    expect(await leases.renew(first, { durationMs: 50 })).toBe(true)
    let next: Lease | undefined
    await waitFor(async () => (next = await leases.acquire('relay', 'b', { durationMs: 5_000 })) !== undefined)
    const second = next ?? expect.fail()
    expect(second.token).toBeGreaterThan(first.token)
    expect(await leases.renew(first, { durationMs: 5_000 })).toBe(false)
    await leases.release(first)
    expect(await leases.renew(second, { durationMs: 5_000 })).toBe(true)
    await leases.release(second)
    expect(await leases.acquire('relay', 'c', { durationMs: 50 })).toBeDefined()
  })
})

describe('the checkpoint store', () => {
  it('saves only over the position that was expected', async () => {
    expect(await checkpoints.load('projection')).toBeUndefined()
    expect(await checkpoints.save('projection', '1', undefined)).toBe(true)
    expect(await checkpoints.save('projection', '1', undefined)).toBe(false)
    expect(await checkpoints.save('projection', '2', '1')).toBe(true)
    expect(await checkpoints.save('projection', '3', '1')).toBe(false)
    expect(await checkpoints.load('projection')).toBe('2')
    await checkpoints.remove('projection')
    expect(await checkpoints.load('projection')).toBeUndefined()
  })
})

describe('the saga store', () => {
  it('claims what is due also where another saga was removed by hand', async () => {
    const change = { status: 'running', dueAt: 1, body: '{}' } as const
    for (const id of ['gone', 'kept']) {
      const created = (await sagas.create('order', id, change, { leaseMs: 10_000 })) ?? expect.fail()
      await sagas.save(created.record, change, {})
    }
    await using client = plainClient()
    expect(await client.redis.del(`{${prefix}:sagas}:saga:["order","gone"]`)).toBe(1)
    const { claimed } = await sagas.claimDue(['order'], { leaseMs: 10_000, limit: 10 })
    expect(claimed.map(({ record }) => record.id)).toEqual(['kept'])
    expect(await client.redis.zrange(`{${prefix}:sagas}:due:order`, '0', '-1')).toEqual(['["order","kept"]'])
  })
})
