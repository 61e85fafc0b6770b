import { PublishError } from '@interline/core'
import { FaultProxy, startRedis, waitFor } from '@interline/testing'
import { describe, expect, it } from 'vitest'
import { BrokerRoom, message } from './broker-room.js'
import { plainClient } from './redis-server.js'

async function stored(port: number, prefix: string): Promise<string[]> {
  await using client = plainClient(`redis://127.0.0.1:${port}`)
  const ids: string[] = []
  for (const key of await client.redis.keys(`{${prefix}:orders:*}:events`)) {
    for (const [, fields] of await client.redis.xrange(key, '-', '+')) ids.push(fields[fields.indexOf('ce_id') + 1] ?? '')
  }
  return ids
}

describe('publishing over a line with faults', () => {
  it('stores a batch once when the reply to it is lost, and keeps the order of the publishes behind it', async () => {
    await using redis = await startRedis()
    await using proxy = await FaultProxy.start({ port: redis.port })
    await using room = new BrokerRoom()
    const broker = await room.broker({ port: proxy.port, commandTimeoutMs: 300, partitions: 1 })
    await broker.publish([message(0)])
    proxy.dropReplies()
    const first = broker.publish([message(1), message(2)])
    await waitFor(async () => proxy.lossy > 0 && (await stored(redis.port, room.namespace)).length === 3, {
      what: 'the batch to be stored',
    })
    const second = broker.publish([message(3)])
    proxy.heal()
    await Promise.all([first, second])
    expect(await stored(redis.port, room.namespace)).toEqual(['event-0', 'event-1', 'event-2', 'event-3'])
  })

  it('goes on after every connection was cut, without a gap or a second copy', async () => {
    await using redis = await startRedis()
    await using proxy = await FaultProxy.start({ port: redis.port })
    await using room = new BrokerRoom()
    const broker = await room.broker({ port: proxy.port, partitions: 1 })
    const published: Promise<void>[] = []
    for (let n = 0; n < 500; n++) {
      published.push(broker.publish([message(n)]))
      if (n % 100 === 50) {
        proxy.cut()
        await published.at(-1)
      }
    }
    await Promise.all(published)
    expect(await stored(redis.port, room.namespace)).toEqual(Array.from({ length: 500 }, (_, n) => `event-${n}`))
  })

  it('does not store with others what it has rejected as not stored', async () => {
    await using redis = await startRedis()
    await using proxy = await FaultProxy.start({ port: redis.port })
    await using room = new BrokerRoom()
    const broker = await room.broker({ port: proxy.port })
    await broker.publish([message(0)])
    proxy.refuse()
    proxy.cut()
    await waitFor(async () => (await broker.health()).status === 'fail', { what: 'the loss of the connection to be known' })
    const abort = new AbortController()
    const aborted = broker.publish([message(1)], { signal: abort.signal }).catch((error: unknown) => error)
    const kept = broker.publish([message(2)])
    const before = proxy.connections
    await waitFor(() => proxy.connections > before, { what: 'a try to send both' })
    abort.abort()
    const outcome = await aborted
    proxy.heal()
    await kept
    const ids = await stored(redis.port, room.namespace)
    expect(ids).toContain('event-2')
    expect(outcome).toMatchObject({ outcome: 'failed' })
    expect(ids).not.toContain('event-1')
  })

  it('rejects with the outcome "unknown" when the answer never comes, and with "failed" what was never sent', async () => {
    await using redis = await startRedis()
    await using proxy = await FaultProxy.start({ port: redis.port })
    await using room = new BrokerRoom()
    const broker = await room.broker({ port: proxy.port, commandTimeoutMs: 200, connectTimeoutMs: 200, publishTimeoutMs: 600 })
    await broker.publish([message(0)])
    proxy.blackhole()
    const first = broker.publish([message(1)]).catch((error: unknown) => error)
    await Promise.resolve()
    await Promise.resolve()
    const second = broker.publish([message(2)]).catch((error: unknown) => error)
    expect(await first).toMatchObject({ code: 'INTERLINE_PUBLISH', outcome: 'unknown' })
    expect(await second).toMatchObject({ code: 'INTERLINE_PUBLISH', outcome: 'failed' })
    proxy.heal()
    await broker.publish([message(3)])
    expect(await stored(redis.port, room.namespace)).toContain('event-3')
  })

  it('remembers the number of a batch for longer than it is tried again', async () => {
    await using room = new BrokerRoom()
    const publishTimeoutMs = 3_600_000
    const broker = await room.broker({ publishTimeoutMs })
    await broker.publish([message(0)])
    await using client = plainClient()
    const [counter = ''] = await client.redis.keys(`${room.namespace}:publisher:*`)
    expect(await client.redis.pttl(counter)).toBeGreaterThan(publishTimeoutMs)
  })

  it('refuses a publish to a full server, with nothing stored', async () => {
    await using redis = await startRedis({ arguments: ['--maxmemory', '3mb', '--maxmemory-policy', 'noeviction'] })
    await using room = new BrokerRoom()
    const broker = await room.broker({ port: redis.port, publishTimeoutMs: 500 })
    const large = 'x'.repeat(500_000)
    let error: unknown
    for (let n = 0; error === undefined && n < 20; n++) {
      error = await broker.publish([message(n, { data: large })]).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
    }
    expect(error).toBeInstanceOf(PublishError)
    expect(error).toMatchObject({ outcome: 'failed', message: expect.stringContaining('maxmemory') })
  })

  it('refuses what is not text before anything is written, and names it', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const broken = { ...message(1), attributes: { id: 7 as unknown as string } }
    await expect(broker.publish([message(0), broken])).rejects.toMatchObject({ failed: [1], outcome: 'failed' })
    expect(await broker.listDestinations()).toEqual([])
  })

  it('refuses another number of partitions than the destination was made with', async () => {
    await using room = new BrokerRoom()
    const one = await room.broker({ partitions: 2 })
    await one.publish([message(0)])
    const other = await room.broker({ partitions: 4 })
    await expect(other.publish([message(1)])).rejects.toMatchObject({
      outcome: 'failed',
      message: expect.stringContaining('Set redis.partitions to 2'),
    })
    await expect(room.consume(other, {}, () => undefined)).rejects.toMatchObject({ code: 'INTERLINE_CONFIGURATION' })
  })

  it('leaves the publishes that were not aborted untouched', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const abort = new AbortController()
    const aborted = broker.publish([message(1)], { signal: abort.signal }).catch((error: unknown) => error)
    const kept = broker.publish([message(2)])
    abort.abort()
    expect(await aborted).toMatchObject({ code: 'INTERLINE_PUBLISH', outcome: 'failed' })
    await kept
    expect(await stored(6379, room.namespace)).toEqual(['event-2'])
  })
})
