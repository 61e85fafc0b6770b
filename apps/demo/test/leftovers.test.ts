import { type ChannelModel, connect } from 'amqplib'
import { createBus, defineEvent, staticSchema } from 'interline'
import { expect, test } from 'vitest'
import { brokerChoice } from '../src/places/choices.js'
import { Leftovers } from '../src/places/leftovers/leftovers.js'

const Happened = defineEvent('leftovers.Happened', { schema: staticSchema<{ n: number }>(), key: ({ n }) => String(n) })

/** Whether the server knows it. A question about what is not there costs the channel that it was asked on. */
async function isThere(connection: ChannelModel, kind: 'exchange' | 'queue', name: string): Promise<boolean> {
  const channel = await connection.createChannel()
  channel.on('error', () => undefined)
  const asked = kind === 'exchange' ? channel.checkExchange(name) : channel.checkQueue(name)
  return asked.then(
    () => true,
    () => false,
  )
}

test('of a run on RabbitMQ nothing is left', { timeout: 60_000 }, async () => {
  const place = brokerChoice('rabbitmq')
  if (place.type !== 'rabbitmq') throw new Error('This is about RabbitMQ.')
  const { url, prefix } = place.rabbitmq
  const bus = createBus({ service: 'leftovers', broker: place })
  await bus.start()
  await bus.subscribe(Happened, () => undefined, { name: 'nobody' })
  await bus.publishBatch([1, 2, 3].map((n) => Happened({ n })))
  await bus.idle()
  await bus.close()

  const destination = `${prefix}.leftovers`
  const partitions = Array.from({ length: 8 }, (_, index) => index)
  const names = [
    ...[destination, `${destination}:partitions`, ...partitions.map((index) => `${destination}:partition:${index}`)].map(
      (name) => ['exchange', name] as const,
    ),
    ...[`${prefix}:registry`, ...partitions.map((index) => `${destination}:leftovers:${index}`)].map((name) => ['queue', name] as const),
  ]
  const connection = await connect(url)
  const remaining = async (): Promise<readonly string[]> => {
    const known = await Promise.all(names.map(async ([kind, name]) => ((await isThere(connection, kind, name)) ? [name] : [])))
    return known.flat()
  }
  expect(await remaining()).toEqual(names.map(([, name]) => name))
  const leftovers = new Leftovers([place], (problem) => expect.fail(problem))
  leftovers.mayExist()
  await leftovers[Symbol.asyncDispose]()
  expect(await remaining()).toEqual([])
  await connection.close()
})
