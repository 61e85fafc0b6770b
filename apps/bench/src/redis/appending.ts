import { RedisEventStore } from '@interline/redis'
import type { Redis } from 'ioredis'
import { type Append, inStreams } from '../appends.js'
import { Arrivals, message } from '../payload.js'
import type { Contestant } from '../rounds.js'
import type { Server } from './server.js'

/** A version check by a counter, then each event into its stream and into the order of all. KEYS: versions, log, stream. ARGV: stream, expected version, events. */
const appendByHand = `
local version = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if version ~= tonumber(ARGV[2]) then return redis.error_reply('wrong version') end
for i = 3, #ARGV, 3 do
  version = version + 1
  redis.call('XADD', KEYS[3], '0-' .. version, 'id', ARGV[i], 'type', ARGV[i + 1], 'data', ARGV[i + 2])
  redis.call('XADD', KEYS[2], '*', 'stream', ARGV[1], 'version', version)
end
redis.call('HSET', KEYS[1], ARGV[1], version)
return version`

/** The same with what the store keeps, too: ids that are there once, times, and the other attributes of a CloudEvent. KEYS: also ids. */
const appendWithAll = `
local version = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if version ~= tonumber(ARGV[2]) then return redis.error_reply('wrong version') end
for i = 3, #ARGV, 3 do
  if redis.call('HEXISTS', KEYS[4], ARGV[i]) == 1 then return redis.error_reply('known') end
end
local clock = redis.call('TIME')
local time = clock[1] * 1000 + math.floor(clock[2] / 1000)
for i = 3, #ARGV, 3 do
  version = version + 1
  redis.call('XADD', KEYS[3], '0-' .. version, 'time', time, 'event', ARGV[i + 1], 'data', ARGV[i + 2])
  local position = redis.call('XADD', KEYS[2], '*', 'stream', ARGV[1], 'version', version)
  redis.call('HSET', KEYS[4], ARGV[i], position .. ':' .. ARGV[1])
end
redis.call('HSET', KEYS[1], ARGV[1], version)
return version`

type Appending = Redis & { append(...given: readonly (string | number)[]): Promise<number> }

/** One append after the other: a script by hand, the store, and a script that keeps what the store keeps. */
export async function appenders(server: Server, size: number): Promise<readonly Contestant[]> {
  return [
    await byHand(server, size, 'ioredis, a script with version check, a stream and a log', appendByHand),
    await interline(server, size),
    await byHand(server, size, 'ioredis, the same with ids once, times and attributes', appendWithAll),
  ]
}

async function byHand(server: Server, size: number, name: string, lua: string): Promise<Contestant> {
  const client = (await server.raw()) as Appending
  const withAll = lua === appendWithAll
  client.defineCommand('append', { numberOfKeys: withAll ? 4 : 3, lua })
  const folder = `by-hand-${withAll ? 'all-' : ''}${size}:`
  const key = (name: string): string => server.key(`${folder}${name}`)
  const arrivals = new Arrivals()
  const streams = new Set<string>()
  const call: Append = (stream, expected, numbers) => {
    streams.add(stream)
    const events = numbers.map(message).flatMap(({ attributes: { id = '', type = '', ...others }, data }) => {
      return [id, withAll ? JSON.stringify({ id, type, ...others }) : type, data as string]
    })
    const keys = [key('versions'), key('log'), key(`stream:${stream}`), ...(withAll ? [key('ids')] : [])]
    return client.append(...keys, stream, expected, ...events)
  }
  return {
    name,
    run: inStreams(call, size, 1),
    async check(events) {
      arrivals.expect(events)
      for (const stream of streams) {
        for (const [, fields] of await client.xrange(key(`stream:${stream}`), '-', '+')) arrivals.arrived(JSON.parse(fields.at(-1) ?? ''))
      }
      arrivals.check()
      streams.clear()
      await server.clear(client, folder)
    },
  }
}

async function interline(server: Server, size: number): Promise<Contestant> {
  const client = await server.raw()
  const name = `store-${size}`
  const arrivals = new Arrivals()
  let rounds = 0
  let store: RedisEventStore | undefined
  return {
    name: 'interline, append',
    async prepare() {
      store = new RedisEventStore({ url: server.url, prefix: server.key(`${name}:${rounds++}`) })
      await store.connect()
    },
    run: (events) =>
      inStreams(
        (stream, expectedVersion, numbers) => (store as RedisEventStore).append(stream, numbers.map(message), { expectedVersion }),
        size,
        1,
      )(events),
    async check(events) {
      arrivals.expect(events)
      for await (const event of (store as RedisEventStore).readAll()) arrivals.arrived(JSON.parse(event.message.data as string))
      arrivals.check()
      await store?.close()
      await server.clear(client, `${name}:`)
    },
  }
}
