import { FaultProxy, freePort, type PrivateKafka, startKafka, waitFor } from '@interline/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { plainKafka } from './kafka-server.js'

/** Clients are told the proxy's address, so that every one of their connections goes through it. */
let proxy: FaultProxy
let kafka: PrivateKafka
beforeAll(async () => {
  const port = await freePort()
  proxy = await FaultProxy.start({ port })
  kafka = await startKafka({ port, advertisedPort: proxy.port })
}, 60_000)
afterEach(() => proxy.heal())
afterAll(async () => {
  await kafka.close()
  await proxy.close()
})

/** The ids stored in a topic, in the order of its one partition. */
async function stored(topic: string): Promise<string[]> {
  const admin = plainKafka(kafka.brokers).admin()
  await admin.connect()
  const [end] = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const count = Number(end?.high ?? 0)
  const ids: string[] = []
  const consumer = plainKafka(kafka.brokers).consumer({ groupId: `reader-${Math.random()}`, maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message: { headers } }) => {
      ids.push(String(headers?.ce_id))
    },
  })
  await waitFor(() => ids.length >= count, { what: 'everything to be read' })
  await consumer.disconnect()
  return ids
}

describe('publishing over a line with faults', () => {
  test('an answer that is lost: nothing is lost, the next send is not taken for the last, and what came twice has one id', async () => {
    await using room = new BrokerRoom('private')
    const broker = await room.broker({ brokers: kafka.brokers, partitions: 1, requestTimeoutMs: 400, publishTimeoutMs: 20_000 })
    const accepted: number[] = []
    const refused: number[] = []
    const publish = (n: number): Promise<void> =>
      broker.publish([message(n)]).then(
        () => void accepted.push(n),
        () => void refused.push(n),
      )
    await publish(0)
    proxy.dropReplies()
    const lostAnswer = publish(1)
    await waitFor(() => proxy.connections > 3, { what: 'a second try', limitMs: 10_000 })
    const behind = [publish(2), publish(3)]
    proxy.heal()
    await Promise.all([lostAnswer, ...behind, publish(4)])
    const ids = await stored(room.topic)
    const numbers = ids.map((id) => Number(id.slice('event-'.length)))
    const counters = {
      lost: accepted.filter((n) => !numbers.includes(n)),
      recovered: refused.filter((n) => numbers.includes(n)),
      unexpected: numbers.filter((n) => !accepted.includes(n) && !refused.includes(n)),
      duplicated: numbers.length - new Set(numbers).size,
    }
    expect(counters).toMatchObject({ lost: [], recovered: [], unexpected: [] })
    expect(accepted.sort()).toEqual([0, 1, 2, 3, 4])
    // what was not acknowledged is sent again, always before what follows
    expect([...new Set(numbers)]).toEqual([0, 1, 2, 3, 4])
  }, 40_000)

  test('a line that swallows everything: "unknown" for what was sent, "failed" for what was not, and then it goes on', async () => {
    await using room = new BrokerRoom('private')
    const options = { requestTimeoutMs: 300, connectTimeoutMs: 300, publishTimeoutMs: 900 }
    const broker = await room.broker({ brokers: kafka.brokers, partitions: 1, ...options })
    await broker.publish([message(0)])
    proxy.blackhole()
    const sent = broker.publish([message(1)]).catch((error: unknown) => error)
    expect(await sent).toMatchObject({ code: 'INTERLINE_PUBLISH', outcome: 'unknown' })
    expect(await broker.publish([message(2)]).catch((error: unknown) => error)).toMatchObject({
      code: 'INTERLINE_PUBLISH',
      outcome: 'failed',
    })
    expect((await broker.health()).status).toBe('fail')
    proxy.heal()
    await waitFor(async () => (await broker.health()).status === 'pass', { what: 'health to come back' })
    await broker.publish([message(3)])
    const ids = await stored(room.topic)
    expect(ids[0]).toBe('event-0')
    expect(ids.at(-1)).toBe('event-3')
  }, 40_000)
})

test('a consumer whose connections are cut again and again handles everything, in the order of each key', async () => {
  await using room = new BrokerRoom('private')
  const broker = await room.broker({ brokers: kafka.brokers, partitions: 2 })
  const seen = new Map<string, number[]>()
  await room.consume(broker, {}, (delivery) => {
    const key = delivery.message.key ?? ''
    const before = seen.get(key) ?? []
    const n = numberOf(delivery)
    // one that comes again after a cut is a repetition, never a gap
    if (!before.includes(n)) seen.set(key, [...before, n])
    return delivery.ack()
  })
  const keys = ['a', 'b', 'c']
  const count = 100
  for (let n = 0; n < count; n++) {
    await broker.publish(keys.map((key) => message(n, { key })))
    if (n % 20 === 10) proxy.cut()
  }
  const total = (): number => [...seen.values()].reduce((sum, each) => sum + each.length, 0)
  await waitFor(() => total() === count * keys.length, { what: 'everything', limitMs: 20_000, progress: total })
  for (const key of keys) expect(seen.get(key)).toEqual(Array.from({ length: count }, (_, n) => n))
}, 60_000)
