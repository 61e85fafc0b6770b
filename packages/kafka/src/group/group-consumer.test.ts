import type { Delivery } from '@interline/core'
import { waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import type { BrokerContext } from '../context.js'
import { type CommittedOffset, DriverError, type Fetched, type KafkaClient, type Position } from '../drivers/driver.js'
import { resolveOptions } from '../kafka-options.js'
import { Names } from '../names.js'
import { GroupConsumer } from './group-consumer.js'

const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

/** A server with one partition and one member, whose fetches are answered when the test says so. */
class Server {
  readonly committed = new Map<string, CommittedOffset>()
  readonly fetches: { readonly from: number; answer(offsets: readonly number[]): void }[] = []
  /** The last one under which something was committed. */
  committedIn = 0
  generation = 0
  forgotten = false

  get client(): KafkaClient {
    const client: Partial<KafkaClient> = {
      close: async () => undefined,
      partitionCount: async () => 1,
      offsets: async (_topic, at) => new Map([[0, at === 'latest' ? 100 : 0]]),
      leaders: async (positions) => new Map([['node', positions]]),
      fetch: (_node, positions) => this.#fetch(positions),
      committed: async (_group, topics) =>
        topics.map((topic) => this.committed.get(topic) ?? { topic, partition: 0, offset: 0, metadata: '' }),
      commit: async (_group, member, offsets) => {
        await later()
        if (this.forgotten) throw new DriverError('fenced', 'no member')
        this.committedIn = member?.generation ?? 0
        for (const each of offsets) this.committed.set(each.topic, each)
      },
      join: async ({ memberId, subscription }) => {
        await later()
        const id = memberId === '' ? `member-${++this.generation}` : memberId
        this.forgotten = false
        return { member: { id, generation: this.generation }, members: [{ id, subscription }] }
      },
      sync: async (_group, _member, shares) => shares[0]?.assignment ?? Buffer.alloc(0),
      heartbeat: async () => {
        if (this.forgotten) throw new DriverError('fenced', 'no member')
      },
      leave: async () => undefined,
    }
    return client as KafkaClient
  }

  #fetch(positions: readonly Position[]): Promise<readonly Fetched[]> {
    const main = positions.find(({ topic }) => topic === 'orders')
    return new Promise((resolve) => {
      this.fetches.push({
        from: main?.offset ?? -1,
        answer: (offsets) => {
          const headers = { ce_id: Buffer.from('1'), ce_type: Buffer.from('T') }
          const records = offsets.map((offset) => ({ offset, key: null, value: Buffer.from('{}'), headers }))
          resolve([{ topic: 'orders', partition: 0, records, next: (offsets.at(-1) ?? -1) + 1 }])
        },
      })
    })
  }
}

function consumerOf(server: Server, receive: (deliveries: readonly Delivery[]) => Promise<void>): GroupConsumer {
  const context = {
    options: resolveOptions({ sessionTimeoutMs: 300, heartbeatIntervalMs: 10 }),
    names: new Names(''),
    driver: () => server.client,
    control: server.client,
    topics: { ensureOwn: async () => 1 },
    report: () => undefined,
    counts: { delivered: 0, acked: 0, retried: 0, deadLettered: 0 },
    store: async () => true,
  } as unknown as BrokerContext
  const source = {
    group: 'g',
    destination: 'orders',
    topics: ['>'],
    order: 'key',
    from: 'beginning',
    broadcast: false,
    window: 100,
  } as const
  return new GroupConsumer(context, source, receive)
}

test('what was on its way when a partition was lost does not let its next owner pass by what is unhandled', async () => {
  const server = new Server()
  const seen: number[] = []
  let mayAck = false
  const consumer = consumerOf(server, async (deliveries) => {
    for (const delivery of deliveries) {
      seen.push(Number(delivery.ref.split(':').at(-1)))
      if (mayAck) await delivery.ack()
    }
  })
  await consumer.start()
  const fetchFrom = async (from: number, index: number): Promise<Server['fetches'][number]> => {
    await waitFor(() => server.fetches.length > index, { what: `fetch ${index}` })
    const fetch = server.fetches[index] as Server['fetches'][number]
    expect(fetch.from).toBe(from)
    return fetch
  }
  ;(await fetchFrom(0, 0)).answer([0, 1, 2])
  const onItsWay = await fetchFrom(3, 1)
  expect(seen).toEqual([0, 1, 2])
  // the session is over, and the partition comes back, from what is committed
  const before = server.generation
  server.forgotten = true
  await waitFor(() => server.committedIn > before, { what: 'the partition to be back' })
  mayAck = true
  onItsWay.answer([3, 4])
  ;(await fetchFrom(0, 2)).answer([0, 1, 2, 3, 4])
  await waitFor(() => server.committed.get('orders')?.offset === 5, { what: 'all to be committed' })
  expect(seen).toEqual([0, 1, 2, 0, 1, 2, 3, 4])
  await consumer.close()
}, 20_000)
