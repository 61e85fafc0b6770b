import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { waitFor } from '@interline/testing'
import type { Channel } from 'amqplib'
import { expect, it } from 'vitest'
import type { BrokerContext } from '../src/context.js'
import { Link } from '../src/link.js'
import { QueueReader } from '../src/queue-reader.js'
import { resolveOptions } from '../src/rabbitmq-options.js'
import { Topology } from '../src/topology.js'
import { plainClient, url } from './rabbitmq-server.js'

/** What the client sends with its next `consume` on this channel arrives, and the connection breaks before the answer comes. */
function breakAtConsume(channel: Channel): void {
  const consume = channel.consume.bind(channel)
  channel.consume = (...words) => {
    const answer = consume(...words)
    const { stream } = channel.connection as unknown as { readonly stream: { destroy(error: Error): void } }
    setImmediate(() => stream.destroy(new Error('cut')))
    return answer
  }
}

it('has one consumer, whatever broke while it was made ready', async () => {
  await using client = await plainClient()
  const { queue } = await client.channel.assertQueue(`queue-reader-${randomUUID()}`, { autoDelete: false })
  const options = resolveOptions({ url })
  const consuming = new Link(options, 'consuming', () => undefined)
  const context = { options, consuming, topology: new Topology(consuming, options), report: () => undefined } as unknown as BrokerContext
  let breaks = 3
  const seen: string[] = []
  const reader = new QueueReader(context, {
    prefetch: 10,
    prepare: (channel) => {
      if (breaks-- > 0) breakAtConsume(channel)
      return Promise.resolve(queue)
    },
    arrived: (_, { content }) => seen.push(content.toString()),
    lost: () => undefined,
  })
  try {
    // whoever waits for the beginning tries again, and so does the reader itself once the connection is back
    await Promise.all([reader.start(), waitFor(() => breaks < 0)])
    await pause(500)
    expect((await client.channel.checkQueue(queue)).consumerCount).toBe(1)
    for (let n = 0; n < 6; n++) client.channel.sendToQueue(queue, Buffer.from(String(n)))
    await waitFor(() => seen.length === 6, { progress: () => seen.length })
  } finally {
    await reader.close()
    await consuming.close()
    await client.channel.deleteQueue(queue)
  }
})
