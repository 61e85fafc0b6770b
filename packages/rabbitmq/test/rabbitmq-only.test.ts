import { type DeadLetter, type Delivery, EventBus, type RetryStrategy, topic } from '@interline/core'
import { waitFor } from '@interline/testing'
import { connect } from 'amqplib'
import { describe, expect, it } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { plainClient, url } from './rabbitmq-server.js'

function letterOf({ message: original, ref }: Delivery): DeadLetter {
  const error = { name: 'Error', message: 'no', stack: 'x'.repeat(50_000) }
  const times = { attempts: 3, firstAttemptAt: 1, deadAt: 2 }
  const names = { id: ref, group: 'group', handler: 'mail', destination: 'orders', topic: 'orders.created' }
  return {
    ...names,
    ...times,
    eventType: 'OrderCreated',
    eventId: 'event-1',
    correlationId: undefined,
    reason: 'exhausted',
    error,
    message: original,
  }
}

class Mailer {
  readonly retryStrategy: RetryStrategy

  constructor(exchange: string) {
    const deadLetter = { enabled: true, exchange, routingKey: 'orders.dead' }
    this.retryStrategy = { maxAttempts: 2, backoff: { type: 'fixed', delay: 5 }, deadLetter }
  }

  handle(): void {
    throw new Error('The server of mails is away.')
  }
}

describe('what is on the server', () => {
  it('is refused with what to do where it was made with another number of partitions', async () => {
    await using room = new BrokerRoom()
    await room.consume(await room.broker(), {}, () => undefined)
    const other = await room.broker({ partitions: 3 })
    await expect(room.consume(other, {}, () => undefined)).rejects.toMatchObject({
      code: 'INTERLINE_CONFIGURATION',
      message: expect.stringMatching(/orders:partitions.*other properties.*Keep the options it was made with/),
    })
    await expect(other.publish([message(1)])).rejects.toMatchObject({ code: 'INTERLINE_PUBLISH' })
  })

  it('is not made with provision: false, and what is missing is named', async () => {
    await using room = new BrokerRoom()
    const strict = await room.broker({ provision: false })
    await expect(room.consume(strict, {}, () => undefined)).rejects.toThrow(
      /RabbitMQ has no exchange .*orders:partitions.*Create what is missing, or set provision: true/,
    )
    await expect(strict.publish([message(1)])).rejects.toThrow(/RabbitMQ has no /)
    await using client = await plainClient()
    client.channel.on('error', () => undefined)
    await expect(client.channel.checkExchange(`${room.namespace}.orders`)).rejects.toThrow(/NOT_FOUND/)
    const seen: number[] = []
    await room.consume(await room.broker(), { group: 'maker' }, (delivery) => delivery.ack())
    await room.consume(await room.broker({ provision: false }), { group: 'maker' }, (delivery) => {
      seen.push(numberOf(delivery))
      return delivery.ack()
    })
    await strict.publish([message(2)])
  })

  it('is made again where a queue is removed while it is consumed, and the loss is told', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: number[] = []
    await room.consume(broker, { order: 'none' }, (delivery) => {
      seen.push(numberOf(delivery))
      return delivery.ack()
    })
    await using client = await plainClient()
    await client.channel.deleteQueue(`${room.namespace}.orders:group:all`)
    await waitFor(() => room.losses().length > 0, { what: 'the loss to be told' })
    expect(room.losses()[0]).toMatchObject({ destination: 'orders', group: 'group' })
    let n = 0
    await waitFor(
      async () => {
        await broker.publish([message((n += 1))])
        return seen.length > 0
      },
      { what: 'events to arrive again' },
    )
  })

  it('is made again where the exchange is removed, bindings of this process included', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: number[] = []
    await room.consume(broker, {}, (delivery) => {
      seen.push(numberOf(delivery))
      return delivery.ack()
    })
    await broker.publish([message(1)])
    await using client = await plainClient()
    for (const partition of [0, 1]) await client.channel.deleteExchange(`${room.namespace}.orders:partition:${partition}`)
    await broker.publish([message(2)])
    await waitFor(() => room.losses().length > 0, { what: 'the loss to be told' })
    let n = 2
    await waitFor(
      async () => {
        await broker.publish([message((n += 1))])
        return seen.some((each) => each > 2)
      },
      { what: 'events to arrive again' },
    )
  })
})

describe('a group', () => {
  it('shares its partitions among its consumers, one owner for a key at a time', async () => {
    await using room = new BrokerRoom()
    const running = new Set<string>()
    const sequences = new Map<string, number[]>()
    const handledBy: string[] = []
    const overlaps: string[] = []
    const work = (who: string) => async (delivery: Delivery) => {
      const key = delivery.message.key as string
      if (delivery.leaving?.aborted === true) return delivery.release?.()
      if (running.has(key)) overlaps.push(key)
      running.add(key)
      sequences.set(key, [...(sequences.get(key) ?? []), numberOf(delivery)])
      handledBy.push(who)
      await new Promise((resolve) => setImmediate(resolve))
      running.delete(key)
      await delivery.ack()
    }
    const first = await room.broker({ partitions: 4 })
    await room.consume(first, { window: 1 }, work('first'))
    await room.consume(await room.broker({ partitions: 4 }), { window: 1 }, work('second'))
    let n = 0
    await waitFor(
      async () => {
        await first.publish(Array.from({ length: 16 }, (_, key) => message(n, { key: `key-${key}` })))
        n += 1
        return handledBy.includes('second') && handledBy.lastIndexOf('first') > handledBy.indexOf('second')
      },
      { what: 'both to have their share', progress: () => handledBy.length },
    )
    await waitFor(() => handledBy.length >= n * 16, { what: 'all of it', progress: () => handledBy.length })
    expect(overlaps).toEqual([])
    for (const [key, sequence] of sequences) expect(sequence, key).toEqual(Array.from({ length: n }, (_, index) => index))
  })

  it('gets a message back after its delay, without what the server wrote on it, and others are not held up', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: { readonly n: number; readonly progress: string | undefined; readonly at: number }[] = []
    await room.consume(broker, { order: 'none' }, async (delivery) => {
      seen.push({ n: numberOf(delivery), progress: delivery.progress, at: performance.now() })
      if (delivery.progress !== undefined) return delivery.ack()
      return delivery.retry({ afterMs: numberOf(delivery) === 1 ? 700 : 90, progress: 'second', deadLetters: [] })
    })
    const began = performance.now()
    await broker.publish([message(1)])
    await broker.publish([message(2)])
    await waitFor(() => seen.length === 4, { what: 'both to come again' })
    expect(seen.map(({ n }) => n)).toEqual([1, 2, 2, 1])
    expect((seen[2]?.at ?? 0) - began).toBeGreaterThanOrEqual(90)
    expect((seen[3]?.at ?? 0) - began).toBeGreaterThanOrEqual(700)
    expect(seen.slice(2).map(({ progress }) => progress)).toEqual(['second', 'second'])
  })
})

describe('dead letters', () => {
  it('lie untouched in the queue of the group, with the reason beside them', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    await room.consume(broker, {}, (delivery) => delivery.deadLetter([letterOf(delivery)]))
    await broker.publish([message(1, { key: 'one' })])
    await using client = await plainClient()
    const taken: { content: string; headers: Record<string, unknown> }[] = []
    await client.channel.consume(`${room.namespace}.orders:group:dead`, (dead) => {
      if (dead !== null) taken.push({ content: dead.content.toString(), headers: dead.properties.headers ?? {} })
    })
    await waitFor(() => taken.length === 1, { what: 'the dead letter' })
    expect(taken[0]).toMatchObject({ content: '{"n":1}', headers: { cloudEvents_id: 'event-1', cloudEvents_partitionkey: 'one' } })
    expect(JSON.parse(String(taken[0]?.headers['interline-letter']))).toMatchObject({ handler: 'mail', attempts: 3, reason: 'exhausted' })
  })

  it('go to the exchange of the configuration, and keep their event in hand where no queue takes them', async () => {
    await using room = new BrokerRoom()
    await using client = await plainClient()
    const exchange = `${room.namespace}-dlx`
    const { queue } = await client.channel.assertQueue('', { exclusive: true })
    await client.channel.assertExchange(exchange, 'direct', { autoDelete: true })
    const broker = await room.broker({ deadLetter: { exchange, routingKey: 'dead' } })
    const failures: unknown[] = []
    await room.consume(broker, {}, async (delivery) => {
      try {
        await delivery.deadLetter([letterOf(delivery)])
      } catch (error) {
        failures.push(error)
        await client.channel.bindQueue(queue, exchange, 'dead')
        await delivery.deadLetter([letterOf(delivery)])
      }
    })
    await broker.publish([message(1)])
    await waitFor(async () => (await client.channel.checkQueue(queue)).messageCount === 1, { what: 'the dead letter' })
    expect(failures).toMatchObject([{ code: 'INTERLINE_PUBLISH' }])
  })

  it('go to the exchange that a handler names in its retry strategy', async () => {
    await using room = new BrokerRoom()
    await using client = await plainClient()
    const exchange = `${room.namespace}-graveyard`
    const { queue } = await client.channel.assertQueue('', { exclusive: true })
    await client.channel.assertExchange(exchange, 'direct', { autoDelete: true })
    await client.channel.bindQueue(queue, exchange, 'orders.dead')
    await using bus = new EventBus({ service: 'mail', broker: await room.broker() })
    await bus.subscribe(topic('orders.created'), new Mailer(exchange))
    await bus.start()
    await bus.getBroker().publish([message(1)])
    await waitFor(async () => (await client.channel.checkQueue(queue)).messageCount === 1, { what: 'the dead letter' })
    const dead = await client.channel.get(queue, { noAck: true })
    expect(dead === false ? dead : JSON.parse(String(dead.properties.headers?.['interline-letter']))).toMatchObject({
      handler: 'Mailer',
      attempts: 2,
      reason: 'exhausted',
    })
  })
})

describe('an event', () => {
  it('that no group wants is accepted, or rejected where that is asked for', async () => {
    await using room = new BrokerRoom()
    await (await room.broker()).publish([message(1)])
    const strict = await room.broker({ unroutable: 'reject' })
    await expect(strict.publish([message(1)])).rejects.toThrow(/no queue for the message/)
    await room.consume(strict, {}, (delivery) => delivery.ack())
    await strict.publish([message(2)])
  })

  it('whose headers are too large is rejected, and what is beside it is not', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: number[] = []
    await room.consume(broker, {}, (delivery) => {
      seen.push(numberOf(delivery))
      return delivery.ack()
    })
    const large = message(2)
    const others = [broker.publish([message(1)]), broker.publish([message(3)])]
    const refused = broker.publish([{ ...large, attributes: { ...large.attributes, userid: 'u'.repeat(200_000) } }])
    await expect(refused).rejects.toMatchObject({ code: 'INTERLINE_PUBLISH', outcome: 'failed' })
    await Promise.all(others)
    await broker.publish([message(4)])
    await waitFor(() => seen.length === 3, { what: 'the others' })
    expect([...seen].sort()).toEqual([1, 3, 4])
  })

  it('of a foreign client that knows no partitions reaches every group once, by its topic or a pattern, in its order', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const wishes = {
      exact: { topics: ['orders.created'] },
      twice: { topics: ['orders.*', 'orders.created', '>'] },
      alone: { topics: ['orders.*'], order: 'none' },
      here: { topics: ['*.created'], order: 'none', broadcast: true },
      other: { topics: ['orders.created.late', 'orders'] },
    } as const
    const seen = new Map<string, (string | undefined)[]>(Object.keys(wishes).map((group) => [group, []]))
    for (const [group, wish] of Object.entries(wishes)) {
      await room.consume(broker, { group, ...wish }, (delivery) => {
        seen.get(group)?.push(delivery.message.attributes.id)
        return delivery.ack()
      })
    }
    await using client = await plainClient()
    const ids = Array.from({ length: 30 }, (_, n) => `foreign-${n}`)
    for (const id of ids) {
      const headers = { 'ce-id': id, 'ce-type': 'OrderCreated', 'ce-source': '/far', 'ce-partitionkey': id }
      client.channel.publish(`${room.namespace}.orders`, 'orders.created', Buffer.from('{}'), { headers })
    }
    await broker.publish([{ ...message(1, { key: 'one' }), topic: 'orders' }])
    const wanted = [...seen].filter(([group]) => group !== 'other')
    await waitFor(() => wanted.every(([, got]) => got.length >= ids.length), {
      what: 'all of them',
      progress: () => String([...seen.values()]),
    })
    await waitFor(() => seen.get('other')?.length === 1, { what: 'the one that the last group wants' })
    for (const [group, got] of wanted)
      expect(
        [...got].filter((id) => id !== 'event-1'),
        group,
      ).toEqual(ids)
    expect(seen.get('other')).toEqual(['event-1'])
  })

  it('of a foreign client with other types of headers, or none, is read or told to be undecodable', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: Delivery[] = []
    await room.consume(broker, {}, (delivery) => {
      seen.push(delivery)
      return delivery.ack()
    })
    await using client = await plainClient()
    const exchange = `${room.namespace}.orders`
    const headers = { 'ce-id': 7, 'ce-type': 'OrderCreated', 'ce-source': Buffer.from('/far'), 'ce-attempt': true, table: { a: 1 } }
    client.channel.publish(exchange, 'orders.created', Buffer.from('{"n":1}'), { headers })
    client.channel.publish(exchange, 'orders.created', Buffer.from([0xff, 0xfe]))
    await waitFor(() => seen.length === 2, { what: 'both' })
    expect(seen[0]?.message).toMatchObject({
      topic: 'orders.created',
      data: '{"n":1}',
      attributes: { id: '7', source: '/far', attempt: 'true' },
    })
    expect(seen[1]?.undecodable?.message).toMatch(/not a CloudEvent/)
    expect(seen[1]?.message.data).toEqual(Buffer.from([0xff, 0xfe]))
  })
})

describe('a connection', () => {
  it('that was handed in is used and left open', async () => {
    const connection = await connect(url)
    {
      await using room = new BrokerRoom()
      const broker = await room.broker({ connection })
      const seen: number[] = []
      await room.consume(broker, {}, (delivery) => {
        seen.push(numberOf(delivery))
        return delivery.ack()
      })
      await broker.publish([message(1)])
      await waitFor(() => seen.length === 1, { what: 'the event' })
    }
    const channel = await connection.createChannel()
    await channel.close()
    await connection.close()
    expect(connection.listenerCount('blocked')).toBe(0)
  })

  it('to a vhost that is not there is refused with its name, and without the password', async () => {
    const { username, password } = new URL(url)
    await using room = new BrokerRoom()
    const { hostname, port } = new URL(url)
    const nowhere = room.broker({ host: hostname, port: Number(port === '' ? 5672 : port), vhost: 'nowhere', username, password })
    await expect(nowhere).rejects.toMatchObject({ code: 'INTERLINE_CONNECTION', message: expect.stringMatching(/vhost "nowhere"/) })
  })
})

it('what a consumer has in hand and does not handle is lag of its group', async () => {
  await using room = new BrokerRoom()
  const broker = await room.broker()
  const consumer = await room.consume(broker, {}, (delivery) => delivery.ack())
  consumer.pause()
  const numbers = Array.from({ length: 40 }, (_, index) => index)
  await broker.publish(numbers.map((number) => message(number)))
  const lag = async (): Promise<number | undefined> => (await broker.listGroups()).find(({ destination }) => destination === 'orders')?.lag
  await waitFor(async () => (await lag()) === 40, { what: 'all to be counted' })
  consumer.resume()
  await waitFor(async () => (await lag()) === 0, { what: 'all to be handled' })
})
