import { type AddressInfo, connect, createServer } from 'node:net'
import type { Delivery } from '@interline/core'
import { startRedis, waitFor } from '@interline/testing'
import { describe, expect, it } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { plainClient } from './redis-server.js'

describe('what the server refuses for a while', () => {
  it('goes on in a partition whose acknowledgement was refused under a lease that holds', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const taken: Delivery[] = []
    await room.consume(broker, { order: 'key' }, (delivery) => void taken.push(delivery))
    await broker.publish([message(1, { key: 'a' })])
    await waitFor(() => taken.length === 1)
    await using client = plainClient()
    const stream = `{${room.namespace}:orders:0}:events`
    await client.redis.xack(stream, 'group', (await client.redis.xrange(stream, '-', '+'))[0]?.[0] ?? '')
    expect(await taken[0]?.ack()).toBe(false)
    await broker.publish([message(2, { key: 'a' })])
    await waitFor(() => taken.length === 2)
    expect(taken[1]?.lost.aborted).toBe(false)
    expect(await taken[1]?.ack()).toBe(true)
  })

  it('gives an event again, and those behind it, when the server had refused to settle it for a while', async () => {
    await using redis = await startRedis()
    await using room = new BrokerRoom()
    const broker = await room.broker({ port: redis.port, partitions: 1 })
    await using client = plainClient(redis.url)
    const taken: Delivery[] = []
    await room.consume(broker, { order: 'key' }, (delivery) => void taken.push(delivery))
    await broker.publish([message(1, { key: 'a' }), message(2, { key: 'a' })])
    await waitFor(() => taken.length === 2)
    await client.redis.acl('SETUSER', 'default', '-zadd')
    expect(await taken[0]?.retry({ afterMs: 0, progress: 'second', deadLetters: [] })).toBe(false)
    await client.redis.acl('SETUSER', 'default', '+zadd')
    const first = taken.splice(0)
    expect(first.map(({ lost }) => lost.aborted)).toEqual([true, true])
    await waitFor(() => taken.length === 2, { what: 'both to come again' })
    expect(taken.map(numberOf)).toEqual([1, 2])
    for (const delivery of taken) expect(await delivery.ack()).toBe(true)
    await waitFor(async () => (await broker.getMetrics()).lag === 0)
  })

  it.each(['none', 'key', 'broadcast'] as const)('hands out what it had read when a part could not be read, with %s', async (how) => {
    await using redis = await startRedis()
    await using room = new BrokerRoom()
    const broker = await room.broker({ port: redis.port, partitions: 1 })
    await using client = plainClient(redis.url)
    const seen: (string | undefined)[] = []
    const order = how === 'key' ? 'key' : 'none'
    await room.consume(broker, { order, broadcast: how === 'broadcast' }, (delivery) => {
      seen.push(delivery.message.attributes.id)
      return delivery.ack()
    })
    // bytes are read again, one by one
    await client.redis.acl('SETUSER', 'default', '-xrange')
    await broker.publish([message(1), message(2, { data: new Uint8Array([255]) }), message(3)])
    await waitFor(() => room.events.some(({ detail }) => detail.startsWith('Reading')), { what: 'a read to fail' })
    await client.redis.acl('SETUSER', 'default', '+xrange')
    await waitFor(() => seen.length === 3, { what: 'all three' })
    expect(seen).toEqual(['event-1', 'event-2', 'event-3'])
  })

  it('lets a group catch up on a full server, also by a process that was started since, and stores events again', async () => {
    await using redis = await startRedis()
    await using room = new BrokerRoom()
    const options = { port: redis.port, partitions: 1, publishTimeoutMs: 500, retention: { maxEvents: 0 } }
    const publishing = await room.broker(options)
    const early = await room.consume(publishing, { order: 'key' }, (delivery) => delivery.ack())
    await early.stop()
    await early.close()
    await publishing.publish(
      Array.from({ length: 50 }, (_, n) => message(n, { key: 'a', data: JSON.stringify({ n, more: 'x'.repeat(20_000) }) })),
    )
    await using client = plainClient(redis.url)
    const used = Number(/used_memory:(\d+)/.exec(await client.redis.info('memory'))?.[1])
    await client.redis.config('SET', 'maxmemory', String(used - 500_000))
    await expect(publishing.publish([message(50)])).rejects.toMatchObject({ outcome: 'failed' })
    const catchingUp = await room.broker(options)
    const seen: number[] = []
    await room.consume(catchingUp, { order: 'key' }, async (delivery) => {
      const claim = { key: delivery.ref, owner: 'one' }
      expect(await catchingUp.idempotency.claim([claim], { leaseMs: 10_000 })).toEqual(['claimed'])
      if (numberOf(delivery) === 49 && delivery.progress === undefined) {
        return delivery.retry({ afterMs: 0, progress: 'second', deadLetters: [] })
      }
      await delivery.note('begun')
      await catchingUp.idempotency.complete([claim], { ttlMs: 10_000 })
      seen.push(numberOf(delivery))
      return delivery.ack()
    })
    await waitFor(() => seen.length === 50, { what: 'all that was stored', limitMs: 10_000 })
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n))
    const stored = (): Promise<boolean> =>
      publishing.publish([message(51)]).then(
        () => true,
        () => false,
      )
    await waitFor(stored, { what: 'room for another event', limitMs: 15_000 })
  })

  it.each(['none', 'key'] as const)(
    'finds the server that took over where the old one goes on as a replica, with order %s',
    { timeout: 60_000 },
    async (order) => {
      const atOnce = ['--repl-diskless-sync-delay', '0']
      await using old = await startRedis({ arguments: atOnce })
      await using next = await startRedis({ arguments: [...atOnce, '--replicaof', '127.0.0.1', String(old.port)] })
      let port = old.port
      const address = createServer((client) => {
        const server = connect(port, '127.0.0.1')
        client.on('error', () => server.destroy()).on('close', () => server.destroy())
        server.on('error', () => client.destroy()).on('close', () => client.destroy())
        client.pipe(server).pipe(client)
      })
      await new Promise<void>((resolve) => address.listen(0, '127.0.0.1', resolve))
      try {
        await using room = new BrokerRoom()
        const broker = await room.broker({
          port: (address.address() as AddressInfo).port,
          partitions: 1,
          waitForReplicas: 1,
          publishTimeoutMs: 30_000,
        })
        const seen: number[] = []
        await room.consume(broker, { order }, (delivery) => {
          seen.push(numberOf(delivery))
          return delivery.ack()
        })
        await broker.publish([message(1, { key: 'a' })])
        await waitFor(() => seen.length === 1)
        await using one = plainClient(old.url)
        await using other = plainClient(next.url)
        await other.redis.replicaof('NO', 'ONE')
        await one.redis.replicaof('127.0.0.1', next.port)
        port = next.port
        await broker.publish([message(2, { key: 'a' })])
        await waitFor(() => seen.includes(2), { what: 'the event at the new server', limitMs: 10_000 })
        // Each of its connections finds out for itself.
        await waitFor(async () => (await broker.health()).status === 'pass', {
          what: 'health',
          progress: () => seen.length,
          limitMs: 15_000,
        })
      } finally {
        address.close()
      }
    },
  )
})
