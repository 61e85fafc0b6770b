import { waitFor } from '@interline/testing'
import { expect, it } from 'vitest'
import { partitionOf } from '../src/rabbitmq-message.js'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { plainClient } from './rabbitmq-server.js'

const places = 5

/** A queue that takes a few messages and refuses the rest, as one without a leader refuses all. */
async function smallQueue(client: Awaited<ReturnType<typeof plainClient>>): Promise<string> {
  const { queue } = await client.channel.assertQueue('', {
    exclusive: true,
    maxLength: places,
    arguments: { 'x-overflow': 'reject-publish' },
  })
  return queue
}

it('is sent again, in its order, what a queue refuses for now', async () => {
  await using room = new BrokerRoom()
  await using client = await plainClient()
  const broker = await room.broker()
  const handled: number[] = []
  await room.consume(broker, {}, (delivery) => {
    handled.push(numberOf(delivery))
    return delivery.ack()
  })
  const queue = await smallQueue(client)
  for (const partition of [0, 1]) await client.channel.bindQueue(queue, `${room.namespace}.orders:partition:${partition}`, '#')
  const accepted: number[] = []
  const rejected: number[] = []
  const publishing = Array.from({ length: 30 }, (_, n) =>
    broker.publish([message(n, { key: 'one' })]).then(
      () => accepted.push(n),
      () => rejected.push(n),
    ),
  )
  const taken: number[] = []
  await waitFor(
    async () => {
      const next = await client.channel.get(queue, { noAck: true })
      if (next !== false) taken.push((JSON.parse(next.content.toString()) as { n: number }).n)
      return accepted.length + rejected.length === publishing.length && next === false
    },
    { what: 'an answer to each', progress: () => `${taken.length} ${accepted.length}` },
  )
  await Promise.all(publishing)
  const firsts = (numbers: readonly number[]): readonly number[] => [...new Set(numbers)].filter((n) => accepted.includes(n))
  expect(firsts(taken)).toEqual([...accepted].sort((left, right) => left - right))
  await waitFor(() => firsts(handled).length === accepted.length, { what: 'the group to have them, too' })
  expect(firsts(handled)).toEqual(firsts(taken))
  expect(accepted.length).toBeGreaterThan(places)
})

it('is rejected when its time is up, and others are not held up', async () => {
  await using room = new BrokerRoom()
  await using client = await plainClient()
  const broker = await room.broker({ confirmTimeoutMs: 1_000 })
  const seen: number[] = []
  await room.consume(broker, {}, (delivery) => {
    seen.push(numberOf(delivery))
    return delivery.ack()
  })
  const queue = await smallQueue(client)
  await client.channel.bindQueue(queue, `${room.namespace}.orders:partition:${partitionOf('key-0', 2)}`, 'orders.full')
  const full = Array.from({ length: places + 3 }, (_, n) => broker.publish([{ ...message(n, { key: 'key-0' }), topic: 'orders.full' }]))
  const answers = await Promise.allSettled([...full, broker.publish([message(100, { key: 'key-1' })])])
  const refused = answers.filter(({ status }) => status === 'rejected')
  for (const each of refused) {
    expect(each).toMatchObject({
      reason: { code: 'INTERLINE_PUBLISH', outcome: 'unknown', message: expect.stringMatching(/refused it until time was up/) },
    })
  }
  expect(refused).toHaveLength(3)
  expect(answers.at(-1)?.status).toBe('fulfilled')
  await broker.publish([message(101, { key: 'key-0' })])
  await waitFor(() => seen.includes(101), { what: 'what came after it' })
})
