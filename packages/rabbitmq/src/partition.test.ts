import { EventEmitter } from 'node:events'
import type { Delivery } from '@interline/core'
import { Gate, waitFor } from '@interline/testing'
import type { ConsumeMessage } from 'amqplib'
import { expect, test } from 'vitest'
import type { BrokerContext } from './context.js'
import { HandOut } from './hand-out.js'
import { Partition } from './partition.js'

type Take = (message: ConsumeMessage | null) => void

/** One channel, with what was sent on it. */
class Channel extends EventEmitter {
  closed = false
  #take: Take = () => undefined
  #tag = 0

  async prefetch(): Promise<void> {}

  async consume(_queue: string, take: Take): Promise<{ readonly consumerTag: string }> {
    this.#take = take
    return { consumerTag: 'tag' }
  }

  ack(): void {}

  async close(): Promise<void> {
    this.break()
  }

  break(): void {
    if (this.closed) return
    this.closed = true
    this.emit('close')
  }

  send(n: number, redelivered: boolean): void {
    const headers = { cloudEvents_id: String(n), cloudEvents_type: 'T', cloudEvents_source: 's', 'interline-entry': `entry-${n}` }
    const fields = { deliveryTag: ++this.#tag, redelivered, routingKey: 'orders', exchange: '', consumerTag: 'tag' }
    this.#take({ content: Buffer.from('{}'), properties: { headers }, fields } as unknown as ConsumeMessage)
  }
}

/** A queue with its notes, and one partition after the other that consumes it. */
class Queue {
  readonly channels: Channel[] = []
  notes: string | undefined
  /** Runs before a note is stored. */
  storing: () => Promise<void> | void = () => undefined

  partition(): { readonly partition: Partition; readonly handed: Delivery[] } {
    const handed: Delivery[] = []
    const counts = { delivered: 0, acked: 0, retried: 0, deadLettered: 0 }
    const channel = async (): Promise<Channel> => {
      const made = new Channel()
      this.channels.push(made)
      return made
    }
    const get = { get: async () => (this.notes === undefined ? false : { content: Buffer.from(this.notes) }), ack: () => undefined }
    const deliver = async ({ encoded }: { readonly encoded: { readonly content: string } }): Promise<void> => {
      await this.storing()
      this.notes = encoded.content
    }
    const context = {
      names: { notes: (queue: string) => `${queue}:notes` },
      layout: { notes: (key: string) => ({ key }) },
      topology: { channel, ensure: async () => undefined, use: (_what: string, run: (on: object) => unknown) => run(get) },
      consuming: { model: {}, listen: () => () => undefined },
      sender: { deliver },
      report: () => undefined,
      counts,
    } as unknown as BrokerContext
    const handOut = new HandOut(async (deliveries) => void handed.push(...deliveries), 100, context)
    const group = { destination: 'orders', group: 'g' }
    const declare = async (): Promise<void> => undefined
    const settings = { group, queue: 'q', index: 0, single: true, suspects: false, prefetch: 100, handOut, declare }
    return { partition: new Partition(context, settings), handed }
  }
}

test('what arrives while an owner says what it gives back is no suspect to the next one', async () => {
  const queue = new Queue()
  const { partition, handed } = queue.partition()
  await partition.start()
  const [channel] = queue.channels as [Channel]
  channel.send(1, false)
  channel.send(2, false)
  channel.send(3, false)
  await waitFor(() => handed.length === 3)
  // one runs to the end of the channel, one is let go
  handed[1]?.release?.()
  handed[2]?.ack()
  queue.storing = () => {
    if (!channel.closed) channel.send(4, false)
  }
  await partition.close()
  const next = queue.partition()
  await next.partition.start()
  for (const n of [1, 2, 4]) queue.channels.at(-1)?.send(n, true)
  await waitFor(() => next.handed.length === 3)
  const suspects = next.handed.filter(({ redelivered }) => redelivered).map(({ message }) => message.attributes.id)
  expect(suspects).toEqual(['1'])
  await next.partition.close()
})

test('an owner that saw nothing new does not speak for what others had before it', async () => {
  const queue = new Queue()
  const { partition, handed } = queue.partition()
  await partition.start()
  queue.channels[0]?.send(1, true)
  await waitFor(() => handed.length === 1)
  handed[0]?.release?.()
  await partition.close()
  const next = queue.partition()
  await next.partition.start()
  for (const n of [1, 2]) queue.channels.at(-1)?.send(n, true)
  await waitFor(() => next.handed.length === 2)
  expect(next.handed.map(({ redelivered }) => redelivered)).toEqual([false, true])
  await next.partition.close()
})

test('a hand-over that a lost channel has ended does not end the next one', async () => {
  const queue = new Queue()
  const { partition, handed } = queue.partition()
  await partition.start()
  const [first] = queue.channels as [Channel]
  first.send(1, false)
  await waitFor(() => handed.length === 1)
  partition.leave()
  first.send(2, false)
  const stored = new Gate()
  let isStoring = false
  queue.storing = () => {
    isStoring = true
    return stored.opened
  }
  handed[0]?.ack()
  await waitFor(() => isStoring, { what: 'the hand-over' })
  first.break()
  await waitFor(() => queue.channels.length === 2, { what: 'the next channel' })
  const second = queue.channels[1] as Channel
  await waitFor(() => partition.inHand === 0)
  second.send(3, false)
  await waitFor(() => handed.length === 2, { what: 'a message by it' })
  stored.open()
  await new Promise((resolve) => setImmediate(resolve))
  expect(second.closed).toBe(false)
  expect(handed[1]?.lost.aborted).toBe(false)
  await partition.close()
})
