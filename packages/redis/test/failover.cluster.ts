import { defineEvent, EventBus, type IBroker, staticSchema } from '@interline/core'
import { RedisBroker, type RedisOptions } from '@interline/redis'
import { startRedisCluster, waitFor } from '@interline/testing'
import type { Cluster } from 'ioredis'
import { expect, it } from 'vitest'
import { keysOf, plainCluster } from './cluster-server.js'

const Counted = defineEvent('interline.test.FailoverCounted', {
  topic: 'failover.counted',
  schema: staticSchema<{ key: string; n: number }>(),
  key: ({ key }) => key,
})
const keys = Array.from({ length: 16 }, (_, index) => `key-${index}`)
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

it('a master dies under load: what WAIT 1 acknowledged is not lost, and order per key holds', async () => {
  await using cluster = await startRedisCluster()
  const prefix = `it-failover-${process.pid}`
  const options: RedisOptions = {
    cluster: { nodes: cluster.addresses },
    prefix,
    claimIdleMs: 2_000,
    waitForReplicas: 1,
    publishTimeoutMs: 30_000,
  }
  const bus = (broker: IBroker): EventBus => new EventBus({ service: 'failover', broker, logger: silent })
  const seen = new Map<string, number[]>(keys.map((key) => [key, []]))
  const ids = new Set<string>()
  let runs = 0
  const consumers = [bus(new RedisBroker(options)), bus(new RedisBroker(options))]
  for (const consumer of consumers) {
    await consumer.subscribe(
      Counted,
      ({ data, metadata }) => {
        runs += 1
        ids.add(metadata.eventId)
        seen.get(data.key)?.push(data.n)
      },
      { name: 'seen' },
    )
    await consumer.start()
  }
  const publisher = bus(new RedisBroker(options))
  await publisher.start()
  const acknowledged: { key: string; n: number; id: string }[] = []
  let rejected = 0
  let going = true
  const publishing = keys.map(async (key) => {
    for (let n = 0; going; n++) {
      const event = Counted({ key, n })
      await publisher.publish(event).then(
        () => acknowledged.push({ key, n, id: event.id }),
        () => (rejected += 1),
      )
    }
  })
  await waitFor(() => acknowledged.length > 500, { limitMs: 20_000, what: 'the load', progress: () => acknowledged.length })
  const [victim] = await cluster.masters()
  await victim?.kill()
  const atKill = acknowledged.length
  await cluster.healthy()
  // a master that is left without a replica acknowledges nothing: the dead one comes back as that
  await victim?.start()
  await waitFor(() => acknowledged.length > atKill + 1_000, {
    limitMs: 30_000,
    what: 'publishes after the failover',
    progress: () => acknowledged.length,
  })
  going = false
  await Promise.all(publishing)
  const missing = (): number => acknowledged.filter(({ id }) => !ids.has(id)).length
  await waitFor(() => missing() === 0, {
    limitMs: 20_000,
    what: 'all that was acknowledged',
    progress: () => `${missing()} of ${acknowledged.length}`,
  })
  for (const [key, numbers] of seen) {
    // a run that is repeated after the failover may repeat what came since, but never leave one out
    let next = 0
    for (const n of numbers) {
      expect(n, `${key}: ${n} came where ${next} was expected`).toBeLessThanOrEqual(next)
      if (n === next) next++
    }
  }
  process.stdout.write(`failover: ${acknowledged.length} acknowledged, ${rejected} rejected, ${runs - ids.size} seen again\n`)
  await Promise.all([...consumers, publisher].map((each) => each.close()))
})

it('a slot moves under load: nothing is lost, and order holds', async () => {
  await using cluster = await startRedisCluster({ replicas: 0 })
  await using plain = plainCluster(cluster)
  const prefix = `it-moving-${process.pid}`
  const options: RedisOptions = { cluster: { nodes: cluster.addresses }, prefix, claimIdleMs: 2_000, partitions: 2 }
  const bus = new EventBus({ service: 'moving', broker: new RedisBroker(options), logger: silent })
  const seen: number[] = []
  await bus.subscribe(Counted, ({ data }) => void seen.push(data.n), { name: 'seen' })
  await bus.start()
  let going = true
  let published = 0
  const publishing = (async () => {
    for (; going; published++) await bus.publish(Counted({ key: 'one', n: published }))
  })()
  await waitFor(() => seen.length > 200, { limitMs: 10_000, progress: () => seen.length })
  const names = await keysOf(plain.redis, `{${prefix}:failover:*}:events`)
  for (const name of names) await moveSlot(plain.redis, name)
  const atMove = seen.length
  await waitFor(() => seen.length > atMove + 200, { limitMs: 20_000, what: 'events after the move', progress: () => seen.length })
  going = false
  await publishing
  await waitFor(() => new Set(seen).size === published, { limitMs: 20_000, progress: () => new Set(seen).size })
  expect([...new Set(seen)]).toEqual(Array.from({ length: published }, (_, n) => n))
  await bus.close()
})

/** As `redis-cli --cluster reshard` does it, one key at a time, so that commands meet ASK and TRYAGAIN. */
async function moveSlot(cluster: Cluster, key: string): Promise<void> {
  const slot = Number(await cluster.cluster('KEYSLOT', key))
  const nodes = cluster.nodes('master')
  const ids = await Promise.all(nodes.map(async (node) => String(await node.cluster('MYID'))))
  const owners = await Promise.all(nodes.map(async (node) => Number(await node.cluster('COUNTKEYSINSLOT', slot))))
  const from = owners.findIndex((count) => count > 0)
  const to = (from + 1) % nodes.length
  const [source, target] = [nodes[from], nodes[to]]
  if (source === undefined || target === undefined) throw new Error('The slot has no node.')
  await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[from] ?? '')
  await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[to] ?? '')
  for (;;) {
    const found = (await source.cluster('GETKEYSINSLOT', slot, 1)) as string[]
    const [name] = found
    if (name === undefined) break
    await source.migrate(target.options.host ?? '', target.options.port ?? 0, name, 0, 5_000)
  }
  for (const node of [target, source, ...nodes]) await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[to] ?? '')
}
