import { ConfigurationError, streamDeletedType } from '@interline/core'
import { RedisEventStore } from '@interline/redis'
import { waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { deleteStreamScript } from '../../src/event-store/scripts/delete-stream.js'
import { forgetScript } from '../../src/event-store/scripts/forget.js'
import { plainClient } from '../redis-server.js'
import { all, idsOf, keysOf, messages, testStore } from './stores.js'

test('says how much of how many streams was given up', async () => {
  await using room = testStore({ maxEvents: 250 })
  expect(await room.store.applyRetention()).toEqual({ events: 0, streams: 0 })
  for (let part = 0; part < 4; part++) for (const stream of ['a', 'b']) await room.store.append(stream, messages(50))
  expect(await room.store.applyRetention()).toEqual({ events: 150, streams: 2 })
  expect(room.warnings).toEqual([expect.stringContaining('removed its 150 oldest events')])
  expect(await room.store.applyRetention()).toEqual({ events: 0, streams: 0 })
})

test('ttl gives up events by their age, by itself', async () => {
  const removed: number[] = []
  await using room = testStore({ ttl: 1, retention: { intervalMs: 20, onRemoved: ({ events }) => void removed.push(events) } })
  await room.store.append('s', messages(3))
  await waitFor(() => removed.reduce((sum, events) => sum + events, 0) === 3, { what: 'the events to go' })
  expect(await all(room.store.readAll())).toEqual([])
  expect((await keysOf(room.prefix)).filter((name) => /:(events|correlation):/.test(name))).toEqual([])
})

test('waits for the slowest reader with a checkpoint, and names it', async () => {
  await using room = testStore({ maxEvents: 2 })
  const { store } = room
  await store.append('s', messages(10))
  await store.checkpoints.save('fast', '9', undefined)
  await store.checkpoints.save('slow', '4', undefined)
  expect(await store.applyRetention()).toEqual({ events: 4, streams: 1 })
  expect(await store.health()).toMatchObject({ status: 'warn', output: expect.stringContaining('"slow"') })
  expect((await all(store.readAll({ after: '4' }))).length).toBe(6)
  await store.checkpoints.save('slow', '10', '4')
  expect(await store.applyRetention()).toEqual({ events: 4, streams: 1 })
  expect(await store.health()).toMatchObject({ status: 'pass', observedValue: 2 })
})

test('a deleted stream leaves nothing behind but its version and its record in the order of all', async () => {
  await using room = testStore()
  const { store } = room
  await store.append('s', messages(250))
  expect(await store.applyRetention()).toEqual({ events: 0, streams: 0 })
  await store.deleteStream('s')
  const names = (await keysOf(room.prefix)).map((name) => name.slice(name.indexOf('}:') + 2)).sort()
  expect(names).toEqual(['store:log', 'store:state'])
  await using client = plainClient()
  expect(await client.redis.xlen(`{${room.prefix}}:store:log`)).toBe(1)
  expect(Object.keys(await client.redis.hgetall(`{${room.prefix}}:store:state`)).sort()).toEqual([
    'd:s',
    'position',
    's:s',
    'scope',
    'time',
  ])
})

test('what a process that died left of a deleted stream is removed by the next pass, and not what was appended since', async () => {
  await using room = testStore({ maxEvents: 1_000 })
  const { store } = room
  const old = messages(5, { correlationid: 'c' })
  await store.append('s', old)
  await using client = plainClient()
  const tag = `{${room.prefix}}:store`
  // A process that dies right after the script leaves the events under another name.
  const scope = (await client.redis.hget(`${tag}:state`, 'scope')) ?? ''
  const keys = ['state', 'log', 'events:s', 'deletions', 'deleted:d-1'].map((name) => `${tag}:${name}`)
  await deleteStreamScript.run(client.redis, keys, ['any', 's', scope, 'd-1', streamDeletedType])
  await store.append('s', old, { expectedVersion: 0 })
  expect(await store.applyRetention()).toEqual({ events: 0, streams: 0 })
  expect(idsOf(await all(store.readStream('s')))).toEqual(idsOf(old))
  expect((await all(store.readAll({ correlationId: 'c' }))).map(({ position }) => position)).toEqual(['7', '8', '9', '10', '11'])
  expect((await all(store.readAll())).length).toBe(6)
  expect(await store.append('s', old, { expectedVersion: 0 })).toEqual({ version: 5, position: '11' })
  expect((await keysOf(room.prefix)).filter((name) => name.includes('deleted'))).toEqual([])
})

test('an event that took the place of a removed one stays', async () => {
  await using room = testStore()
  const { store } = room
  await store.append('s', messages(1))
  await using client = plainClient()
  const keys = ['state', 'log', 'events:s'].map((name) => `{${room.prefix}}:store:${name}`)
  await forgetScript.run(client.redis, keys, ['3', '0', '9', '1', 'e:other', '9:1:s'])
  expect((await all(store.readStream('s'))).length).toBe(1)
})

test.each([
  [{ maxEvent: 5 }, 'Unknown option store.redis.maxEvent'],
  [{ ttl: 0 }, 'store.redis.ttl must be a whole number of at least 1'],
  [{ maxEvents: Number.NaN }, 'store.redis.maxEvents'],
  [{ ttl: 1, retention: { maxAgeMs: 5 } }, 'say the same thing'],
  [{ maxEvents: 1, retention: { maxEvents: 5 } }, 'say the same thing'],
  [{ retention: { unread: 'never' } }, "must be 'keep' or 'remove'"],
  [{ port: 'secret' }, 'store.redis.port must be a whole number from 1 to 65535, and is a string'],
  [{ prefix: '{x}' }, 'store.redis.prefix'],
])('refuses the options %o', (options, message) => {
  expect(() => new RedisEventStore(options as never)).toThrow(ConfigurationError)
  expect(() => new RedisEventStore(options as never)).toThrow(message)
})
