import { waitFor } from '@interline/testing'
import { type Channel, connect } from 'amqplib'
import { describe, expect, it, vi } from 'vitest'
import { MessageWriter } from '../src/message-writer.js'
import type { EncodedMessage } from '../src/rabbitmq-message.js'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { url } from './rabbitmq-server.js'

/** The writes to the socket of a connection. */
function writesOf(connection: unknown): { readonly count: number } {
  const { stream } = connection as { stream: { write(chunk: unknown): boolean } }
  const spy = vi.spyOn(stream, 'write')
  return {
    get count() {
      return spy.mock.calls.length
    },
  }
}

async function takeAll(channel: Channel, queue: string): Promise<readonly string[]> {
  const taken: string[] = []
  for (;;) {
    const each = await channel.get(queue, { noAck: true })
    if (each === false) return taken
    taken.push(each.content.toString())
  }
}

const encoded = (n: number, change: Partial<EncodedMessage> = {}): EncodedMessage => ({
  content: `${n} żółw`,
  properties: { persistent: true, messageId: `m-${n}` },
  headers: { n: String(n) },
  plain: true,
  ...change,
})

describe('what is published in one tick', () => {
  it('is one write to the server, which stores each of it in its order', async () => {
    const connection = await connect(url)
    const channel = await connection.createConfirmChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    const writer = new MessageWriter(channel)
    let confirmed = 0
    channel.on('ack', ({ deliveryTag }: { deliveryTag: number }) => (confirmed = Math.max(confirmed, deliveryTag)))
    const writes = writesOf(connection.connection)
    for (let n = 0; n < 200; n++) writer.write({ exchange: '', routingKey: queue, wanted: true, encoded: encoded(n) })
    await waitFor(() => confirmed === 200, { what: 'the last confirm', progress: () => confirmed })
    expect(writes.count).toBe(1)
    expect(await takeAll(channel, queue)).toEqual(Array.from({ length: 200 }, (_, n) => `${n} żółw`))
    await connection.close()
  })

  it('keeps its order where the client has to write some of it', async () => {
    const connection = await connect(url)
    const channel = await connection.createConfirmChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    const writer = new MessageWriter(channel)
    let confirmed = 0
    channel.on('ack', ({ deliveryTag }: { deliveryTag: number }) => (confirmed = Math.max(confirmed, deliveryTag)))
    const changes: readonly Partial<EncodedMessage>[] = [
      {},
      { headers: { count: 1 } },
      { content: Buffer.alloc(300_000, 'x') },
      { plain: false },
    ]
    for (let n = 0; n < 40; n++) writer.write({ exchange: '', routingKey: queue, wanted: true, encoded: encoded(n, changes[n % 4]) })
    await waitFor(() => confirmed === 40, { what: 'the last confirm', progress: () => confirmed })
    const large = 'x'.repeat(300_000)
    expect(await takeAll(channel, queue)).toEqual(Array.from({ length: 40 }, (_, n) => (n % 4 === 2 ? large : `${n} żółw`)))
    await connection.close()
  })

  it('is nothing any more once its channel is gone, and no fault of the connection', async () => {
    const connection = await connect(url)
    const channel = await connection.createConfirmChannel()
    const writer = new MessageWriter(channel)
    writer.write({ exchange: '', routingKey: 'nowhere', wanted: false, encoded: encoded(1) })
    const closed = channel.close()
    writer.end()
    await closed
    await (await connection.createChannel()).close()
    await connection.close()
  })
})

it('is confirmed to each of many callers, also on a connection that does not show its socket', async () => {
  const connection = await connect(url)
  await using room = new BrokerRoom()
  const hidden = new Proxy(connection, {
    get: (target, name) => {
      if (name !== 'createConfirmChannel') return Reflect.get(target, name)
      return async (options: object) => {
        const channel = await target.createConfirmChannel(options)
        return new Proxy(channel, {
          get: (inner, part) => {
            if (part === 'connection') return undefined
            const value: unknown = Reflect.get(inner, part)
            return typeof value === 'function' ? value.bind(inner) : value
          },
        })
      }
    },
  })
  const broker = await room.broker({ connection: hidden })
  const seen: number[] = []
  await room.consume(broker, {}, (delivery) => {
    seen.push(numberOf(delivery))
    return delivery.ack()
  })
  await Promise.all(Array.from({ length: 50 }, (_, n) => broker.publish([message(n, { key: 'one' })])))
  await waitFor(() => seen.length === 50, { what: 'all of them' })
  expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => n))
})
