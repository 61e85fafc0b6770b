import { startRedis, waitFor } from '@interline/testing'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { plainClient, url } from './redis-server.js'

describe('what Redis keeps', () => {
  it('gives a delayed retry and a scheduled event after a restart of the server, not before their time', async () => {
    await using redis = await startRedis()
    await using room = new BrokerRoom()
    const broker = await room.broker({ port: redis.port })
    const seen: (readonly [number, string | undefined, number])[] = []
    const begun = Date.now()
    await room.consume(broker, {}, (delivery) => {
      seen.push([numberOf(delivery), delivery.progress, Date.now() - begun])
      return delivery.progress === undefined && numberOf(delivery) === 1
        ? delivery.retry({ afterMs: 1_200, progress: 'second', deadLetters: [] })
        : delivery.ack()
    })
    await broker.publish([message(1), message(2, { deliverAt: begun + 1_000 })])
    await waitFor(async () => (await broker.getMetrics()).delayed === 2, { what: 'two that wait for their time' })
    await redis.restart()
    await waitFor(() => seen.length === 3, { limitMs: 10_000, what: 'both to come' })
    expect(seen.map(([n, progress]) => [n, progress])).toEqual([
      [1, undefined],
      [2, undefined],
      [1, 'second'],
    ])
    expect(seen[1]?.[2]).toBeGreaterThanOrEqual(1_000)
    expect(seen[2]?.[2]).toBeGreaterThanOrEqual(1_200)
  })

  it('never trims what a group has not handled, and keeps as much handled history as was asked for', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1, retention: { maxEvents: 10 } })
    const handled: number[] = []
    await room.consume(broker, { group: 'quick' }, (delivery) => {
      handled.push(numberOf(delivery))
      return delivery.ack()
    })
    const held = new Set<number>()
    const slow = await room.consume(broker, { group: 'slow' }, (delivery) =>
      numberOf(delivery) < 20 ? delivery.ack() : held.add(numberOf(delivery)),
    )
    await broker.publish(Array.from({ length: 50 }, (_, n) => message(n)))
    await waitFor(() => handled.length === 50 && held.size === 30)
    await using client = plainClient()
    const stream = `{${room.namespace}:orders:0}:events`
    await waitFor(async () => (await client.redis.xlen(stream)) === 30, { limitMs: 10_000, what: 'what both have handled to be trimmed' })
    await slow.stop()
    await slow.close()
    await broker.removeGroup('slow', 'orders')
    await waitFor(async () => (await client.redis.xlen(stream)) === 10, { limitMs: 10_000, what: 'the rest of the history to be trimmed' })
    const again: number[] = []
    await room.consume(broker, { group: 'later', from: 'beginning' }, (delivery) => {
      again.push(numberOf(delivery))
      return delivery.ack()
    })
    await waitFor(() => again.length === 10)
    expect(again).toEqual([40, 41, 42, 43, 44, 45, 46, 47, 48, 49])
  })

  it('lets a stream that only broadcast subscriptions read not grow for ever', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1, retention: { maxEvents: 10 } })
    await broker.publish(Array.from({ length: 50 }, (_, n) => message(n)))
    await using client = plainClient()
    const stream = `{${room.namespace}:orders:0}:events`
    expect(await client.redis.xlen(stream)).toBe(50)
    const seen: number[] = []
    await room.consume(broker, { broadcast: true, from: 'beginning' }, (delivery) => {
      seen.push(numberOf(delivery))
      return delivery.ack()
    })
    await waitFor(async () => (await client.redis.xlen(stream)) === 10, { limitMs: 10_000, what: 'the history to be trimmed' })
    expect(seen).toHaveLength(50)
  })

  it('says so when a stream was trimmed from outside before a group had read it', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const consumer = await room.consume(broker, {}, (delivery) => delivery.ack())
    await broker.publish([message(0)])
    await waitFor(async () => (await broker.getMetrics()).lag === 0)
    consumer.pause()
    await using client = plainClient()
    const stream = `{${room.namespace}:orders:0}:events`
    // The read that was under way when the consumer paused takes no more than it finds at once.
    await broker.publish(Array.from({ length: 20 }, (_, n) => message(n + 1)))
    await client.redis.xtrim(stream, 'MAXLEN', 3)
    await waitFor(() => room.losses().length > 0, { limitMs: 15_000, what: 'a loss event' })
    expect(room.losses()[0]?.detail).toContain('trimmed from outside')
  })

  it('trims also where a group began at a time and has read nothing yet', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1, retention: { maxEvents: 0 } })
    await broker.publish([message(1), message(2)])
    await room.consume(broker, { from: new Date(Date.now() + 60_000) }, (delivery) => delivery.ack())
    await using client = plainClient()
    const stream = `{${room.namespace}:orders:0}:events`
    await waitFor(async () => (await client.redis.xlen(stream)) === 0, { limitMs: 10_000, what: 'what is handled to be trimmed' })
    expect(room.warnings()).toEqual([])
  })

  it('counts groups from the server: what waits, what is in hand, what is delayed', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const consumer = await room.consume(broker, { window: 5 }, () => undefined)
    await broker.publish(Array.from({ length: 20 }, (_, n) => message(n)))
    await broker.publish([message(20, { deliverAt: Date.now() + 60_000 })])
    await waitFor(async () => (await broker.getMetrics()).unsettled >= 5)
    const [group] = await broker.listGroups()
    expect(group).toMatchObject({ group: 'group', destination: 'orders', lag: 21, delayed: 1, consumers: 1 })
    await consumer.stop()
    await consumer.close()
    await broker.removeGroup('group', 'orders')
    expect(await broker.listGroups()).toEqual([])
  })

  it('uses the settings of a client that was handed in, and never the client itself', async () => {
    await using room = new BrokerRoom()
    const client = new Redis(url, { keyPrefix: 'team:', lazyConnect: true })
    const broker = await room.broker({ client })
    await broker.publish([message(1)])
    expect(client.status).toBe('wait')
    await broker.close()
    expect(await client.ping()).toBe('PONG')
    expect(await client.exists(`${room.namespace}:destinations`)).toBe(1)
    await client.quit()
  })

  it('warns of a server that evicts keys', async () => {
    await using redis = await startRedis({ arguments: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] })
    await using room = new BrokerRoom()
    const broker = await room.broker({ port: redis.port })
    expect(room.events).toMatchObject([{ kind: 'warning', detail: expect.stringContaining('noeviction') }])
    expect(await broker.health()).toMatchObject({ status: 'warn' })
  })
})
