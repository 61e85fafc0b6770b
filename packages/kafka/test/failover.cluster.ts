import { defineEvent, EventBus, staticSchema } from '@interline/core'
import { type KafkaCluster, type PrivateKafka, startKafkaCluster, waitFor } from '@interline/testing'
import { expect, it } from 'vitest'
import { brokerOf, withAdmin } from './kafka-server.js'

const Counted = defineEvent('interline.test.KafkaFailoverCounted', {
  topic: 'failover.counted',
  schema: staticSchema<{ key: string; n: number }>(),
  key: ({ key }) => key,
})
const publisherCount = 4
const keysEach = 4
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
/** How soon all must go on. A dead node is noticed after 1.5 s, and a group's coordinator has to be found anew. */
const goesOnLimitMs = 15_000

it.each(['kafkajs', 'platformatic'] as const)(
  'by %s: node after node dies under load and comes back: every resolved publish is handled, each key in its order, all go on within seconds',
  async (driver) => {
    await using cluster = await startKafkaCluster()
    const namespace = `it-failover-${driver}`
    const busOf = (): EventBus =>
      new EventBus({
        service: 'failover',
        broker: brokerOf(namespace, { driver, brokers: cluster.brokers, partitions: 6, publishTimeoutMs: 30_000 }),
        logger: silent,
      })
    const seen = new Map<string, number[]>()
    const ids = new Set<string>()
    let runs = 0
    const consumers = [busOf(), busOf()]
    for (const consumer of consumers) {
      await consumer.subscribe(
        Counted,
        ({ data, metadata }) => {
          runs += 1
          ids.add(metadata.eventId)
          seen.set(data.key, [...(seen.get(data.key) ?? []), data.n])
        },
        { name: 'seen' },
      )
      await consumer.start()
    }
    const publishers = Array.from({ length: publisherCount }, busOf)
    const resolved: string[] = []
    const byKey = new Map<string, number>()
    let rejected = 0
    const pausesMs: number[] = []
    let going = true
    const publishing = publishers.flatMap((publisher, index) =>
      Array.from({ length: keysEach }, async (_, which) => {
        const key = `key-${index}-${which}`
        await publisher.start()
        for (let n = 0; going; n++) {
          const event = Counted({ key, n })
          await publisher.publish(event).then(
            () => {
              resolved.push(event.id)
              byKey.set(key, n)
            },
            () => (rejected += 1),
          )
        }
      }),
    )
    await waitFor(() => resolved.length > 500 && ids.size > 300, { limitMs: 30_000, what: 'the load', progress: () => resolved.length })
    for (const victim of await leaderFirst(cluster, `${namespace}.failover`)) {
      await victim.kill()
      const killedAt = performance.now()
      const before = { resolved: new Map(byKey), handled: new Map([...seen].map(([key, list]) => [key, list.length])) }
      const goesOn = (key: string): boolean =>
        (byKey.get(key) ?? 0) > (before.resolved.get(key) ?? 0) + 5 && (seen.get(key)?.length ?? 0) > (before.handled.get(key) ?? 0) + 5
      await waitFor(() => [...byKey.keys()].every(goesOn), {
        limitMs: goesOnLimitMs,
        what: 'every key to go on',
        progress: () => `${resolved.length} ${ids.size}`,
      })
      pausesMs.push(Math.round(performance.now() - killedAt))
      await victim.start()
      await cluster.whole()
    }
    const atReturn = resolved.length
    await waitFor(() => resolved.length > atReturn + 500, {
      limitMs: 30_000,
      what: 'the load on the whole cluster',
      progress: () => resolved.length,
    })
    going = false
    await Promise.all(publishing)
    const missing = (): readonly string[] => resolved.filter((id) => !ids.has(id))
    await waitFor(() => missing().length === 0, {
      limitMs: 20_000,
      what: 'all that was acknowledged',
      progress: () => `${missing().length} of ${resolved.length}`,
    })
    for (const [key, numbers] of seen) {
      // what is repeated after the failover may repeat what came since, but never leave one out
      let next = 0
      for (const n of numbers) {
        expect(n, `${key}: ${n} came where ${next} was expected`).toBeLessThanOrEqual(next)
        if (n === next) next++
      }
    }
    process.stdout.write(
      `${driver}: all went on ${pausesMs.join(', ')} ms after the kills; ${resolved.length} acknowledged, ${rejected} rejected, ${runs - ids.size} seen again\n`,
    )
    await Promise.all([...consumers, ...publishers].map((each) => each.close()))
  },
)

/** The nodes, beginning with one that leads partitions of the topic; the group's coordinator and the controller are among them. */
async function leaderFirst(cluster: KafkaCluster, topic: string): Promise<readonly PrivateKafka[]> {
  const { topics } = await withAdmin((admin) => admin.fetchTopicMetadata({ topics: [topic] }), cluster.brokers)
  const leader = cluster.node(topics[0]?.partitions[0]?.leader ?? 0)
  return [leader, ...cluster.nodes.filter((node) => node !== leader)]
}
