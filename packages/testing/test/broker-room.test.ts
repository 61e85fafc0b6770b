import type { CloseOptions, ConnectOptions, Consumer, IBroker, Receive, Source } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { expect, test } from 'vitest'
import { BrokerRoom, ForwardingBroker, numberedMessage, numberOf, waitFor } from '../src/index.js'

/** Writes down what a room does with it. */
class Watched extends ForwardingBroker {
  readonly #log: string[]
  readonly #name: string

  constructor(inner: IBroker, name: string, log: string[]) {
    super(inner)
    this.#name = name
    this.#log = log
  }

  override async connect(options: ConnectOptions): Promise<void> {
    await super.connect(options)
    options.report({ kind: 'warning', detail: `${this.#name} is watched` })
    options.report({ kind: 'loss', detail: `${this.#name} lost one`, destination: 'orders' })
  }

  override async subscribe(source: Source, receive: Receive): Promise<Consumer> {
    this.#log.push(`subscribed ${source.group} to ${source.destination} by ${source.order}`)
    const consumer = await super.subscribe(source, receive)
    return {
      pause: () => consumer.pause(),
      resume: () => consumer.resume(),
      stop: () => consumer.stop(),
      close: async () => {
        this.#log.push(`closed the consumer of ${source.group}`)
        await consumer.close()
      },
    }
  }

  override async close(options?: CloseOptions): Promise<void> {
    this.#log.push(`closed ${this.#name}`)
    await super.close(options)
  }
}

test('a room of brokers gives connected ones, what they deliver and report, and leaves nothing behind', async () => {
  const log: string[] = []
  const namespaces = new Set<string>()
  const options = {
    create: (namespace: string, name = 'a broker') => {
      namespaces.add(namespace)
      return new Watched(new MemoryBroker(), name, log)
    },
    cleanUp: (namespace: string) => {
      log.push(`cleaned up ${namespaces.has(namespace) ? 'its namespace' : 'another'}`)
    },
    source: { order: 'key' },
  } as const
  const heard: number[] = []
  {
    await using room = new BrokerRoom<Watched, string>(options)
    const broker = await room.broker()
    await room.broker('another')
    await room.consume(broker, { group: 'readers' }, async (delivery) => {
      heard.push(numberOf(delivery))
      await delivery.ack()
    })
    await broker.publish([numberedMessage(1), numberedMessage(2, { key: 'a' })])
    await waitFor(() => heard.length === 2)
    expect(room.warnings()).toEqual(['a broker is watched', 'another is watched'])
    expect(room.losses().map(({ detail }) => detail)).toEqual(['a broker lost one', 'another lost one'])
    expect(room.events).toHaveLength(4)
    await using other = new BrokerRoom<Watched, string>(options)
    expect(other.namespace).not.toBe(room.namespace)
  }
  expect(heard).toEqual([1, 2])
  expect(log).toEqual([
    'subscribed readers to orders by key',
    'cleaned up another',
    'closed the consumer of readers',
    'closed a broker',
    'closed another',
    'cleaned up its namespace',
  ])
  expect(namespaces.size).toBe(1)
})

test('a numbered message has its key where core would put it', () => {
  expect(numberedMessage(1).attributes).not.toHaveProperty('partitionkey')
  expect(numberedMessage(1, { key: 'a' })).toMatchObject({ key: 'a', attributes: { id: 'event-1', partitionkey: 'a' }, data: '{"n":1}' })
})
