import { ConnectionError } from '@interline/core'
import { RedisEventStore } from '@interline/redis'
import { FaultProxy, freePort, startRedis, waitFor, within } from '@interline/testing'
import { expect, test } from 'vitest'
import { plainClient, url } from '../redis-server.js'
import { all, idsOf, keysOf, message, messages, testStore } from './stores.js'

const shared = new URL(url)
const target = { host: shared.hostname, port: Number(shared.port === '' ? 6379 : shared.port) }

test('an append whose answer was lost is sent again and stored once', async () => {
  await using proxy = await FaultProxy.start(target)
  await using room = testStore()
  const store = room.another({ host: '127.0.0.1', port: proxy.port, commandTimeoutMs: 300 })
  await store.append('s', messages(1))
  const given = messages(2)
  proxy.dropReplies()
  const appended = store.append('s', given, { expectedVersion: 1 })
  await waitFor(async () => proxy.lossy > 0 && (await room.store.head()) === '3', { what: 'the events to be stored' })
  proxy.heal()
  expect(await within(appended, 10_000, 'The append')).toEqual({ version: 3, position: '3' })
  expect(idsOf(await all(room.store.readStream('s', { from: 2 })))).toEqual(idsOf(given))
})

test('a deletion whose answer was lost still answers that it deleted', async () => {
  await using proxy = await FaultProxy.start(target)
  await using room = testStore()
  const store = room.another({ host: '127.0.0.1', port: proxy.port, commandTimeoutMs: 300 })
  await store.append('s', messages(1))
  // So that the server knows the script: of one that it does not know, the question for it would be lost, too.
  await store.deleteStream('unknown')
  proxy.dropReplies()
  const deleted = store.deleteStream('s')
  await waitFor(async () => proxy.lossy > 0 && (await room.store.head()) === '2', { what: 'the deletion to be stored' })
  proxy.heal()
  expect(await within(deleted, 10_000, 'The deletion')).toBe(true)
})

test('says that what is acknowledged survives a power failure only where the server sees to it', async () => {
  await using redis = await startRedis({ arguments: ['--appendfsync', 'always'] })
  await using room = testStore({ port: redis.port, host: '127.0.0.1' }, redis.url)
  await room.store.connect()
  expect(room.store.capabilities).toMatchObject({ durable: true, durability: expect.stringContaining('power failure') })
})

test('a server that lost its data begins another store, says so, and refuses the positions of the first', async () => {
  await using redis = await startRedis({ appendOnly: false })
  await using room = testStore({ port: redis.port, host: '127.0.0.1' }, redis.url)
  const { store } = room
  await store.append('s', messages(3))
  const { scope, durable, durability } = store.capabilities
  expect({ durable, durability }).toEqual({ durable: false, durability: expect.stringContaining('appendonly') })
  await redis.restart()
  await expect(all(store.readAll({ after: '3' }))).rejects.toThrow('lost its data')
  expect(await store.append('s', messages(1), { expectedVersion: 0 })).toEqual({ version: 1, position: '1' })
  expect(store.capabilities.scope).not.toBe(scope)
  expect(room.warnings).toEqual([expect.stringContaining('lost what the event store had stored')])
})

test('all keys are in one slot of a cluster', async () => {
  await using redis = await startRedis({ arguments: ['--cluster-enabled', 'yes'] })
  await using client = plainClient(redis.url)
  await client.redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await waitFor(async () => String(await client.redis.call('CLUSTER', 'INFO')).includes('cluster_state:ok'), { what: 'the cluster' })
  await using room = testStore({ cluster: { nodes: [`127.0.0.1:${redis.port}`] }, maxEvents: 2 }, redis.url)
  const { store } = room
  await store.append('a', messages(2, { correlationid: 'c' }))
  await store.append('b}{', messages(2, { correlationid: 'c' }))
  expect((await all(store.readAll({ correlationId: 'c' }))).length).toBe(4)
  await store.deleteStream('a')
  expect(await store.applyRetention()).toEqual({ events: 1, streams: 1 })
  expect(await store.checkpoints.save('reader', '3', undefined)).toBe(true)
  const names = await keysOf(room.prefix, redis.url)
  expect(names.length).toBeGreaterThan(4)
  expect(new Set(await Promise.all(names.map((name) => client.redis.call('CLUSTER', 'KEYSLOT', name)))).size).toBe(1)
})

test('warns of a server that may evict keys, and reports full memory without storing anything', async () => {
  await using redis = await startRedis({ arguments: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] })
  await using room = testStore({ port: redis.port, host: '127.0.0.1' }, redis.url)
  await room.store.connect()
  expect(room.warnings).toEqual([expect.stringContaining('noeviction')])
  expect(await room.store.health()).toMatchObject({ status: 'warn', output: expect.stringContaining('noeviction'), observedValue: 0 })
  await using client = plainClient(redis.url)
  await client.redis.config('SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1mb')
  await expect(room.store.append('s', messages(1))).rejects.toThrow('Redis is full')
  await client.redis.config('SET', 'maxmemory', '100mb')
  expect(await room.store.append('s', messages(1))).toEqual({ version: 1, position: '1' })
})

test('a wrong password, a wrong port and a silent server get a clear error in time, without a secret', async () => {
  await using redis = await startRedis({ requirePass: 'correct-horse' })
  const at = { host: '127.0.0.1', connectTimeoutMs: 500, commandTimeoutMs: 500, appendTimeoutMs: 500 }
  const errorOf = async (options: object): Promise<unknown> => {
    await using store = new RedisEventStore({ ...at, ...options })
    return await within(
      store.connect().then(
        () => 'connected',
        (error: unknown) => error,
      ),
      5_000,
      'The connection',
    )
  }
  const wrong = await errorOf({ port: redis.port, password: 'wrong-battery' })
  expect(wrong).toMatchObject({ code: 'INTERLINE_CONNECTION', message: expect.stringContaining('password') })
  expect(JSON.stringify([wrong, String((wrong as Error).cause)])).not.toContain('wrong-battery')
  expect(await errorOf({ port: redis.port })).toMatchObject({ message: expect.stringContaining('wants a password') })
  expect(await errorOf({ port: await freePort() })).toBeInstanceOf(ConnectionError)
  redis.pause()
  expect(await errorOf({ port: redis.port, password: 'correct-horse' })).toBeInstanceOf(ConnectionError)
  redis.resume()
  expect(await errorOf({ port: redis.port, password: 'correct-horse' })).toBe('connected')
})

test('errors never hold the events that were sent', async () => {
  await using room = testStore()
  await room.store.append('s', [message({ card: '4111-1111' })])
  await using client = plainClient()
  const log = `{${room.prefix}}:store:log`
  await client.redis.del(log)
  await client.redis.set(log, 'something else')
  const error = (await room.store.append('t', [message({ card: '4111-1111' })]).catch((thrown: unknown) => thrown)) as Error
  expect(error.message).toContain('a prefix of its own')
  expect(JSON.stringify([error, error.cause, Object.entries(error.cause as Error)])).not.toContain('4111')
})
