import { ConnectionError, PublishError, systemClock } from '@interline/core'
import { RedisBroker, type RedisOptions } from '@interline/redis'
import { waitFor } from '@interline/testing'
import { Cluster } from 'ioredis'
import { afterAll, expect, it } from 'vitest'
import { message, numberOf } from './broker-room.js'
import { cleanUpCluster, keysOf, plainCluster, startCluster } from './cluster-server.js'

const cluster = await startCluster()
afterAll(() => cluster.close())

const source = { group: 'group', destination: 'orders', topics: ['>'], order: 'key', from: 'now', broadcast: false, window: 100 } as const

async function opened(options: RedisOptions): Promise<{ broker: RedisBroker; prefix: string; heard: number[] } & AsyncDisposable> {
  const prefix = `it-cluster-${Math.random().toString(36).slice(2, 8)}`
  const broker = new RedisBroker({ prefix, partitions: 4, ...options })
  const heard: number[] = []
  await broker.connect({ clock: systemClock, report: () => undefined })
  const consumer = await broker.subscribe(source, async (deliveries) => {
    for (const delivery of deliveries) {
      heard.push(numberOf(delivery))
      await delivery.ack()
    }
  })
  return {
    broker,
    prefix,
    heard,
    [Symbol.asyncDispose]: async () => {
      await consumer.stop()
      await consumer.close()
      await broker.close()
      await cleanUpCluster(cluster, prefix)
    },
  }
}

it.each([
  ['that is connected', false],
  ['that is not connected yet', true],
])('takes the settings of a cluster client %s, and leaves it as it is', async (_which, lazyConnect) => {
  await using plain = plainCluster(cluster)
  const [first] = cluster.nodes
  const client = new Cluster([`redis://127.0.0.1:${first?.port}`], { lazyConnect })
  if (!lazyConnect) await client.ping()
  await using room = await opened({ client })
  await room.broker.publish([message(1, { key: 'a' })])
  await waitFor(() => room.heard.length === 1)
  expect(client.status).toBe(lazyConnect ? 'wait' : 'ready')
  client.disconnect()
  expect(await keysOf(plain.redis, `*${room.prefix}*`)).not.toEqual([])
})

it('spreads the partitions over the nodes, and every partition over one slot', async () => {
  await using plain = plainCluster(cluster)
  await using room = await opened({ cluster: { nodes: cluster.addresses.slice(0, 1) }, partitions: 16 })
  await room.broker.publish(Array.from({ length: 200 }, (_, n) => message(n)))
  await waitFor(() => room.heard.length === 200, { progress: () => room.heard.length })
  const counts = await Promise.all(plain.redis.nodes('master').map(async (node) => (await node.keys(`*${room.prefix}*:events`)).length))
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(16)
  expect(Math.min(...counts)).toBeGreaterThan(0)
})

it('wakes at once for what is published, and soon for what foreign writers add', async () => {
  await using plain = plainCluster(cluster)
  await using room = await opened({ cluster: { nodes: cluster.addresses } })
  // the consumer has found nothing and waits
  await waitFor(async () => (await keysOf(plain.redis, `{${room.prefix}:orders:*}:waiting`)).length === 4)
  const began = performance.now()
  for (let n = 0; n < 10; n++) {
    await room.broker.publish([message(n, { key: 'a' })])
    await waitFor(() => room.heard.length === n + 1)
  }
  // ten times looking again by the clock would be five seconds
  expect(performance.now() - began).toBeLessThan(1_500)
  const { attributes, data } = message(10)
  const fields = Object.entries(attributes).flatMap(([name, value]) => [`ce_${name}`, value])
  await plain.redis.xadd(`{${room.prefix}:orders:0}:events`, '*', ...fields, 'data', data as string)
  await waitFor(() => room.heard.length === 11)
})

it('names what failed of a batch that went to several nodes', async () => {
  await using room = await opened({ cluster: { nodes: cluster.addresses } })
  const bad = { ...message(1), data: { reference: {} } }
  const error: unknown = await room.broker.publish([message(0), bad, message(2)]).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(PublishError)
  expect(error).toMatchObject({ failed: [1], outcome: 'failed' })
})

it('tells somebody who takes a node of a cluster for a single server what to do', async () => {
  const broker = new RedisBroker({ port: cluster.nodes[0]?.port })
  const connecting = broker.connect({ clock: systemClock, report: () => undefined })
  await expect(connecting).rejects.toThrow(ConnectionError)
  await expect(connecting).rejects.toThrow('cluster: { nodes:')
  await broker.close()
})
