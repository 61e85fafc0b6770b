import type { Delivery } from '@interline/core'
import { FaultProxy, startRedis, waitFor } from '@interline/testing'
import { describe, expect, it } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { plainClient } from './redis-server.js'

describe('settling', () => {
  it('refuses the acknowledgement of a consumer whose entry another has claimed, and says that it was lost', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    let taken: Delivery | undefined
    await room.consume(broker, {}, (delivery) => {
      taken = delivery
    })
    await broker.publish([message(1)])
    await waitFor(() => taken !== undefined)
    const delivery = taken ?? expect.fail()
    const lost = delivery.lost
    await using client = plainClient()
    const stream = `{${room.namespace}:orders:0}:events`
    const [[id = '']] = (await client.redis.xpending(stream, 'group', '-', '+', 1)) as [[string]]
    await client.redis.xclaim(stream, 'group', 'somebody else', 0, id)
    await waitFor(() => lost.aborted, { what: 'the loss to be noticed' })
    expect(await delivery.ack()).toBe(false)
    expect(await client.redis.xpending(stream, 'group', '-', '+', 1)).toHaveLength(1)
  })

  it('refuses every settlement under a lease that has passed to another consumer', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    let taken: Delivery | undefined
    await room.consume(broker, { order: 'key' }, (delivery) => {
      taken ??= delivery
    })
    await broker.publish([message(1, { key: 'a' })])
    await waitFor(() => taken !== undefined)
    const delivery = taken ?? expect.fail()
    await using client = plainClient()
    await client.redis.set(`{${room.namespace}:orders:0}:lease:group`, 'somebody else:99', 'PX', 5_000)
    expect(await delivery.note('begun')).toBe(false)
    expect(await delivery.ack()).toBe(false)
    expect(await delivery.retry({ afterMs: 0, progress: '', deadLetters: [] })).toBe(false)
    await waitFor(() => delivery.lost.aborted, { what: 'the loss to be noticed' })
  })

  it('knows of the end of a lease while the server does not answer, before another consumer has the partition', async () => {
    await using redis = await startRedis()
    await using proxy = await FaultProxy.start({ port: redis.port })
    await using room = new BrokerRoom()
    // longer than the lease: the call that should renew it waits for its answer
    const cutOff = await room.broker({ port: proxy.port, partitions: 1, commandTimeoutMs: 8_000 })
    const other = await room.broker({ port: redis.port, partitions: 1 })
    let taken: Delivery | undefined
    await room.consume(cutOff, { order: 'key' }, (delivery) => {
      taken = delivery
    })
    await other.publish([message(1, { key: 'a' })])
    await waitFor(() => taken !== undefined)
    proxy.blackhole()
    const lost: (boolean | undefined)[] = []
    await room.consume(other, { order: 'key' }, (delivery) => {
      lost.push(taken?.lost.aborted)
      return delivery.ack()
    })
    await waitFor(() => lost.length === 1, { limitMs: 10_000, what: 'the other consumer to take over' })
    proxy.heal()
    proxy.cut()
    expect(lost).toEqual([true])
  })

  it('hands a note to whoever gets the event next, and counts a delivery only where one may have begun', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const first: Delivery[] = []
    const consumer = await room.consume(broker, { order: 'key', window: 2 }, (delivery) => first.push(delivery))
    await broker.publish([0, 1, 2, 3].map((n) => message(n, { key: 'a' })))
    await waitFor(() => first.length === 2)
    await first[0]?.note('one attempt')
    await consumer.stop()
    first[1]?.release?.()
    await consumer.close()
    expect(await first[0]?.ack()).toBe(false)
    const second: Delivery[] = []
    await room.consume(broker, { order: 'key' }, (delivery) => second.push(delivery))
    await waitFor(() => second.length === 4)
    expect(second.map(numberOf)).toEqual([0, 1, 2, 3])
    expect(second.map(({ redelivered, progress }) => [redelivered, progress])).toEqual([
      [true, 'one attempt'],
      [false, undefined],
      [false, undefined],
      [false, undefined],
    ])
    expect(second.map(({ ref }) => ref).slice(0, 2)).toEqual(first.map(({ ref }) => ref))
  })

  it('gives entries of two destinations different names, so that neither takes the place of the other among dead letters', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const taken: Delivery[] = []
    await room.consume(broker, { destination: 'orders' }, (delivery) => taken.push(delivery))
    await room.consume(broker, { destination: 'users' }, (delivery) => taken.push(delivery))
    await using client = plainClient()
    for (const destination of ['orders', 'users']) {
      const stream = `{${room.namespace}:${destination}:0}:events`
      await client.redis.xadd(stream, '99999999999999-0', 'ce_id', '1', 'ce_type', 'Made', 'data', '{}')
    }
    await waitFor(() => taken.length === 2)
    expect(new Set(taken.map(({ ref }) => ref)).size).toBe(2)
  })

  it('acknowledges what was handled while replies were lost, and delivers nothing twice', async () => {
    await using redis = await startRedis()
    await using proxy = await FaultProxy.start({ port: redis.port })
    await using room = new BrokerRoom()
    const broker = await room.broker({ port: proxy.port, commandTimeoutMs: 300 })
    const answers: (boolean | undefined)[] = []
    const seen: number[] = []
    await room.consume(broker, {}, async (delivery) => {
      seen.push(numberOf(delivery))
      if (seen.length === 10) proxy.dropReplies()
      answers.push(await delivery.ack())
    })
    await broker.publish(Array.from({ length: 10 }, (_, n) => message(n)))
    await waitFor(() => seen.length === 10)
    proxy.heal()
    await waitFor(() => answers.length === 10, { what: 'every acknowledgement to have its answer', limitMs: 10_000 })
    expect(answers).toEqual(answers.map(() => true))
    await waitFor(async () => (await broker.getMetrics()).lag === 0)
    expect(seen.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})

describe('reading', () => {
  it('finds what was on its way over a connection that was cut', async () => {
    await using redis = await startRedis()
    await using proxy = await FaultProxy.start({ port: redis.port })
    await using room = new BrokerRoom()
    const consuming = await room.broker({ port: proxy.port, commandTimeoutMs: 500 })
    const publishing = await room.broker({ port: redis.port })
    for (const order of ['none', 'key'] as const) {
      const seen: number[] = []
      await room.consume(consuming, { order, group: order, destination: order }, (delivery) => {
        seen.push(numberOf(delivery))
        return delivery.ack()
      })
      for (let round = 0; round < 5; round++) {
        proxy.dropReplies()
        await publishing.publish([message(round, { destination: order, key: 'a' })])
        proxy.cut()
        proxy.heal()
        await waitFor(() => seen.length > round, { what: `event ${round} in order ${order}`, limitMs: 10_000 })
      }
      expect(seen).toEqual([0, 1, 2, 3, 4])
    }
  })

  it('notices a server that is silent on an open connection', async () => {
    await using redis = await startRedis()
    await using proxy = await FaultProxy.start({ port: redis.port })
    await using room = new BrokerRoom()
    const broker = await room.broker({ port: proxy.port, commandTimeoutMs: 500, connectTimeoutMs: 500, blockMs: 100 })
    const publishing = await room.broker({ port: redis.port })
    const seen: number[] = []
    await room.consume(broker, {}, (delivery) => {
      seen.push(numberOf(delivery))
      return delivery.ack()
    })
    proxy.blackhole()
    await publishing.publish([message(1)])
    await waitFor(() => room.events.some(({ kind }) => kind === 'disconnected'), { what: 'the silence to be noticed', limitMs: 10_000 })
    proxy.heal()
    proxy.cut()
    await waitFor(() => seen.length === 1, { what: 'the event', limitMs: 10_000 })
  })

  it('gives up a connection that is silent, though nobody is left to try the call again', async () => {
    await using redis = await startRedis()
    await using proxy = await FaultProxy.start({ port: redis.port })
    await using room = new BrokerRoom()
    const broker = await room.broker({ port: proxy.port, commandTimeoutMs: 300, connectTimeoutMs: 300 })
    expect((await broker.health()).status).toBe('pass')
    proxy.blackhole()
    await expect(Promise.resolve(broker.listGroups())).rejects.toThrow()
    expect(room.events.map(({ kind, detail }) => `${kind}: ${detail}`)).toContain('disconnected: The control connection to Redis was lost.')
    proxy.heal()
    expect(await broker.listGroups()).toEqual([])
  })

  it('creates a group again that was destroyed, from the beginning, and says that something may be lost', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const seen: number[] = []
    await room.consume(broker, {}, (delivery) => {
      seen.push(numberOf(delivery))
      return delivery.ack()
    })
    await using client = plainClient()
    const stream = `{${room.namespace}:orders:0}:events`
    await client.redis.xgroup('DESTROY', stream, 'group')
    await waitFor(() => room.losses().length > 0, { what: 'a loss event' })
    await broker.publish([message(1)])
    await waitFor(() => seen.includes(1))
    await client.redis.del(stream)
    await waitFor(() => room.losses().length > 1, { what: 'a second loss event' })
    await broker.publish([message(2)])
    await waitFor(() => seen.includes(2))
    expect(room.losses()[0]).toMatchObject({ destination: 'orders', group: 'group' })
  })

  it('reports pending events that were deleted from outside, and goes on', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const consumer = await room.consume(broker, { order: 'key' }, () => undefined)
    await broker.publish([message(1), message(2)])
    await waitFor(async () => (await broker.getMetrics()).unsettled === 2)
    await consumer.stop()
    await consumer.close()
    await using client = plainClient()
    const stream = `{${room.namespace}:orders:0}:events`
    const [first] = await client.redis.xrange(stream, '-', '+')
    await client.redis.xdel(stream, first?.[0] ?? '')
    const seen: number[] = []
    await room.consume(broker, { order: 'key' }, (delivery) => {
      seen.push(numberOf(delivery))
      return delivery.ack()
    })
    await waitFor(async () => (await broker.getMetrics()).lag === 0)
    expect(seen).toEqual([2])
    expect(room.losses()).toMatchObject([{ kind: 'loss', count: 1, group: 'group' }])
  })

  it('gives bytes as bytes, text as text, and what is no event as undecodable with its raw bytes', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const seen: Delivery[] = []
    await room.consume(broker, {}, (delivery) => {
      seen.push(delivery)
      return delivery.ack()
    })
    const bytes = new Uint8Array([0, 159, 146, 150, 31])
    await broker.publish([
      message(1, { data: bytes }),
      message(2, { data: new Uint8Array([65, 66]) }),
      message(3, { data: 'a \uFFFD and \u001F' }),
    ])
    await using client = plainClient()
    const stream = `{${room.namespace}:orders:0}:events`
    await client.redis.xadd(stream, '*', 'data', Buffer.from([255, 254]))
    await client.redis.xadd(stream, '*', 'anything', 'else')
    await waitFor(() => seen.length === 5)
    expect(seen.slice(0, 3).map(({ message: { data } }) => (typeof data === 'string' ? data : [...(data as Uint8Array)]))).toEqual([
      [...bytes],
      [65, 66],
      'a \uFFFD and \u001F',
    ])
    expect(seen.map(({ undecodable }) => undecodable !== undefined)).toEqual([false, false, false, true, true])
    const [broken, foreign] = seen.slice(3).map(({ message: { data } }) => Buffer.from(data as Uint8Array))
    expect(broken).toEqual(Buffer.from([255, 254]))
    expect(foreign?.toString()).toBe('[["anything","else"]]')
  })
})
