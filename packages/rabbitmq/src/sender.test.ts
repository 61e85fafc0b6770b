import { EventEmitter } from 'node:events'
import { waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import type { BrokerContext } from './context.js'
import type { Link } from './link.js'
import { Notes } from './notes.js'
import { Sender } from './sender.js'
import type { Topology } from './topology.js'

/** What was published on one channel; nothing is confirmed before the test says so. */
class Channel extends EventEmitter {
  readonly published: string[] = []

  publish(_exchange: string, _routingKey: string, content: Buffer): boolean {
    this.published.push(content.toString())
    return true
  }

  confirm(): void {
    this.emit('ack', { deliveryTag: this.published.length, multiple: true })
  }
}

/** A server that is there, and the notes of a queue, whose owner lasts until the test says so. */
class Server {
  readonly channels: Channel[] = []
  readonly lost = new AbortController()
  readonly sender: Sender

  constructor() {
    const confirmChannel = async (): Promise<Channel> => {
      const channel = new Channel()
      this.channels.push(channel)
      return channel
    }
    const link = { model: {}, blocked: undefined, failure: undefined, listen: () => () => undefined, confirmChannel }
    const topology = { has: () => true, forget: () => undefined }
    this.sender = new Sender(link as unknown as Link, topology as unknown as Topology, 10_000, () => undefined)
  }

  notes(): Notes {
    const names = { notes: (queue: string) => `${queue}:notes` }
    const context = { names, layout: { notes: (key: string) => ({ key }) }, sender: this.sender } as unknown as BrokerContext
    return new Notes(context, 'q', this.lost.signal)
  }

  async opened(count: number): Promise<Channel> {
    await waitFor(() => this.channels.length === count && this.channels[count - 1]?.listenerCount('return') === 1)
    return this.channels[count - 1] as Channel
  }
}

test('what an owner noted is sent again where its answer was lost', async () => {
  const server = new Server()
  const noted = server.notes().note('1', 'two')
  const first = await server.opened(1)
  await waitFor(() => first.published.length === 1)
  first.emit('close')
  const second = await server.opened(2)
  await waitFor(() => second.published.length === 1)
  second.confirm()
  await noted
})

test('the note of an owner whose channel is gone is not sent again: it would take the place of what the next one noted', async () => {
  const server = new Server()
  const notes = server.notes()
  const noted = Promise.allSettled([notes.note('1', 'two'), notes.note('1', 'three')])
  const first = await server.opened(1)
  await waitFor(() => first.published.length === 1)
  server.lost.abort()
  first.emit('close')
  const encoded = { content: 'next', properties: {}, headers: {}, plain: true }
  const next = server.sender.deliver({ exchange: '', routingKey: 'other', encoded, need: undefined, wanted: false })
  const second = await server.opened(2)
  await waitFor(() => second.published.includes('next'))
  second.confirm()
  await next
  expect(second.published).toEqual(['next'])
  expect((await noted).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await server.sender.flush()
})
