import { defineEvent, EventBus, staticSchema } from '@interline/core'
import { type PrivateRabbitMq, type RabbitMqCluster, waitFor } from '@interline/testing'
import { expect, it } from 'vitest'
import { brokerOfCluster, startCluster } from './cluster-server.js'

const Counted = defineEvent('interline.test.NodeLossCounted', {
  topic: 'counted.made',
  schema: staticSchema<{ key: string; n: number }>(),
  key: ({ key }) => key,
})
const keys = Array.from({ length: 12 }, (_, index) => `key-${index}`)
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
/** Nothing may stand still for longer while a node is lost. */
const secondsMs = 20_000

/** The one that hurts most: it leads queues, and clients are connected to it. */
async function victimOf(cluster: RabbitMqCluster): Promise<PrivateRabbitMq> {
  const [leaders, connections] = [await cluster.leaders(), await cluster.connections()]
  const weightOf = (node: PrivateRabbitMq): number => (leaders.get(node) ?? 0) * (connections.get(node) ?? 0)
  const [victim] = [...cluster.nodes].sort((left, right) => weightOf(right) - weightOf(left))
  if (victim === undefined || weightOf(victim) === 0) throw new Error('No node has leaders and connections.')
  return victim
}

it('loses a node under load: every resolved publish is handled, order per key holds, and all goes on until it is back', async () => {
  await using cluster = await startCluster()
  const namespace = `it-node-loss-${process.pid}`
  const bus = (): EventBus => new EventBus({ service: 'node-loss', broker: brokerOfCluster(cluster, namespace), logger: silent })
  const seen = new Map<string, number[]>(keys.map((key) => [key, []]))
  const ids = new Set<string>()
  let runs = 0
  const consumers = [bus(), bus(), bus()]
  for (const consumer of consumers) {
    const take = ({ data, metadata }: { data: { key: string; n: number }; metadata: { eventId: string } }): void => {
      runs += 1
      ids.add(metadata.eventId)
      seen.get(data.key)?.push(data.n)
    }
    await consumer.subscribe(Counted, take, { name: 'seen' })
    await consumer.start()
  }
  const publishers = [bus(), bus(), bus()]
  await Promise.all(publishers.map((publisher) => publisher.start()))
  const acknowledged: string[] = []
  let rejected = 0
  let going = true
  const publishing = keys.map(async (key, index) => {
    const publisher = publishers[index % publishers.length] as EventBus
    for (let n = 0; going; n++) {
      const event = Counted({ key, n })
      await publisher.publish(event).then(
        () => acknowledged.push(event.id),
        () => (rejected += 1),
      )
    }
  })
  const goesOn = async (what: string, more: number): Promise<void> => {
    const [published, handled] = [acknowledged.length, ids.size]
    await waitFor(() => acknowledged.length > published + more && ids.size > handled + more, {
      limitMs: secondsMs,
      what,
      progress: () => acknowledged.length + ids.size,
    })
  }
  await goesOn('the load', 500)
  const victim = await victimOf(cluster)
  const began = performance.now()
  await victim.kill()
  await goesOn('publishing and handling with two nodes', 1_000)
  const goneOnMs = performance.now() - began
  await victim.start()
  await cluster.healthy()
  await goesOn('publishing and handling with the node back', 500)
  going = false
  await Promise.all(publishing)
  const missing = (): number => acknowledged.filter((id) => !ids.has(id)).length
  await waitFor(() => missing() === 0, {
    limitMs: secondsMs,
    what: 'all that was acknowledged to be handled',
    progress: () => `${missing()} of ${acknowledged.length}`,
  })
  for (const [key, numbers] of seen) {
    // what was in hand when the node went is handled again; for the first time each comes in its order
    const firsts = [...new Set(numbers)]
    expect(firsts, key).toEqual([...firsts].sort((left, right) => left - right))
  }
  expect(rejected).toBe(0)
  process.stdout.write(
    `node loss: ${acknowledged.length} acknowledged, ${rejected} rejected, ${runs - ids.size} seen again, 1,000 more after ${Math.round(goneOnMs)} ms\n`,
  )
  await Promise.all([...consumers, ...publishers].map((each) => each.close()))
})
