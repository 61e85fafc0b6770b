import { systemClock } from '@interline/core'
import { RabbitMqBroker, type RabbitMqOptions } from '@interline/rabbitmq'
import { type PrivateServer, type RawClient, type RawMessage, startRabbitMq } from '@interline/testing'
import { type Channel, type ConsumeMessage, connect } from 'amqplib'

/** The shared server of the tests. */
export const url: string = process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672'

/** A module for worker processes, which run the compiled package. */
export const processModule = new URL('./worker-broker.mjs', import.meta.url)

/** Fewer than by default: a case makes and removes all of them. */
const partitions = 4
/** Of any test. */
const mostPartitions = 8

export function brokerOf(namespace: string, options: RabbitMqOptions = {}): RabbitMqBroker {
  return new RabbitMqBroker({ url, prefix: namespace, partitions, ...options })
}

/** A client as anybody would write it, closed at the end of its scope. */
export async function plainClient(address: string = url): Promise<AsyncDisposable & { readonly channel: Channel }> {
  const connection = await connect(address)
  const channel = await connection.createChannel()
  return { channel, [Symbol.asyncDispose]: () => connection.close() }
}

/** Removes every queue and exchange of a namespace, as far as it is written down there. */
export async function cleanUp(namespace: string, address: string = url): Promise<void> {
  const broker = brokerOf(namespace, { url: address })
  await broker.connect({ clock: systemClock, report: () => undefined })
  const groups = await broker.listGroups()
  const destinations = await broker.listDestinations()
  for (const { group, destination } of groups) await broker.removeGroup(group, destination)
  await broker.close()
  await using client = await plainClient(address)
  const { channel } = client
  for (const { group, destination } of groups) await channel.deleteQueue(`${namespace}.${destination}:${group}:dead`)
  for (const destination of destinations) {
    await channel.deleteExchange(`${namespace}.${destination}`)
    for (let index = 0; index < mostPartitions; index++) await channel.deleteExchange(`${namespace}.${destination}:partition:${index}`)
    await channel.deleteExchange(`${namespace}.${destination}:partitions`)
    await channel.deleteQueue(`${namespace}.${destination}:foreign`)
  }
  for (const exchange of ['addressed', 'due', 'unwanted']) await channel.deleteExchange(`${namespace}:${exchange}`)
  for (const queue of ['unwanted', 'registry']) await channel.deleteQueue(`${namespace}:${queue}`)
  for (let level = 0; level < 20; level++) {
    await channel.deleteExchange(`${namespace}:delay:${level}`)
    await channel.deleteQueue(`${namespace}:delay:${level}`)
  }
}

/** Messages as the plain driver writes and reads them, by the header names of the standard. */
export function rawClient(address: string = url): RawClient {
  return {
    async listen(namespace, destination) {
      await using client = await plainClient(address)
      const { channel } = client
      const exchange = `${namespace}.${destination}`
      await channel.assertQueue(`${exchange}:foreign`, { durable: true })
      for (let index = 0; index < partitions; index++) {
        await channel.assertExchange(`${exchange}:partition:${index}`, 'topic', { durable: true })
        await channel.bindQueue(`${exchange}:foreign`, `${exchange}:partition:${index}`, '#')
      }
    },
    async write(namespace, destination, { attributes, data }) {
      await using client = await plainClient(address)
      const { datacontenttype, ...others } = attributes
      const headers = Object.fromEntries(Object.entries(others).map(([name, value]) => [`cloudEvents_${name}`, value]))
      const properties = { persistent: true, headers, ...(datacontenttype === undefined ? {} : { contentType: datacontenttype }) }
      client.channel.publish(`${namespace}.${destination}`, `${destination}.made`, Buffer.from(data as string), properties)
      await client.channel.close()
    },
    async read(namespace, destination) {
      await using client = await plainClient(address)
      const messages: RawMessage[] = []
      for (;;) {
        const message = await client.channel.get(`${namespace}.${destination}:foreign`, { noAck: true })
        if (message === false) return messages
        messages.push(read(message))
      }
    },
  }
}

function read({
  properties,
  content,
}: Pick<ConsumeMessage, 'content'> & { readonly properties: Pick<ConsumeMessage['properties'], 'headers' | 'contentType'> }): RawMessage {
  const attributes: Record<string, string> = { datacontenttype: String(properties.contentType) }
  for (const [name, value] of Object.entries(properties.headers ?? {})) {
    if (name.startsWith('cloudEvents_')) attributes[name.replace('cloudEvents_', '')] = String(value)
  }
  return { attributes, data: content }
}

/** A server of the test's own, which keeps what it confirmed over a kill. */
export async function privateServer(more: RabbitMqOptions = {}): Promise<PrivateServer> {
  const server = await startRabbitMq({ password: 'correct-horse' })
  const options = { port: server.port, password: server.password, partitions, connectTimeoutMs: 1_000, ...more }
  return {
    create: (namespace) => new RabbitMqBroker({ ...options, prefix: namespace }),
    createWrong: (fault, namespace) => {
      const secret = `wrong-battery-${namespace}`
      const wrong = fault === 'password' ? { password: secret } : { port: 1 }
      return {
        broker: new RabbitMqBroker({ ...options, ...wrong, prefix: namespace }),
        secrets: [fault === 'password' ? secret : server.password],
      }
    },
    kill: () => server.kill(),
    start: () => server.start(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}
