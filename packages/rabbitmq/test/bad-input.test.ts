import { type DeadLetter, type Delivery, systemClock, type WireMessage } from '@interline/core'
import { RabbitMqBroker } from '@interline/rabbitmq'
import { startRabbitMq, waitFor } from '@interline/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { plainClient, url } from './rabbitmq-server.js'

const maxMessageBytes = 100_000
const server = await startRabbitMq({ settings: [`max_message_size = ${maxMessageBytes}`] })
afterAll(() => server.close())

function large(n: number): WireMessage {
  return { ...message(n, { key: 'one' }), data: JSON.stringify({ n, more: 'x'.repeat(maxMessageBytes) }) }
}

describe('a message over the limit of the server', () => {
  it('is rejected with that limit, and what is beside it is stored in its order', async () => {
    await using room = new BrokerRoom({ cleanUp: false })
    const broker = await room.broker({ port: server.port })
    const seen: number[] = []
    await room.consume(broker, {}, (delivery) => {
      seen.push(numberOf(delivery))
      return delivery.ack()
    })
    const beside = [1, 2].map((n) => broker.publish([message(n, { key: 'one' })]))
    const refused = broker.publish([large(3)])
    beside.push(broker.publish([message(4, { key: 'one' })]))
    await expect(refused).rejects.toMatchObject({
      code: 'INTERLINE_PUBLISH',
      outcome: 'failed',
      message: expect.stringMatching(/no message of more than 100000 bytes, and this one has 1000\d\d\. Make it smaller/),
    })
    await Promise.all(beside)
    await waitFor(() => seen.includes(4), { what: 'what came after it' })
    expect([...new Set(seen)]).toEqual([1, 2, 4])
  })
})

describe('a user', () => {
  it('who may not make anything is told what is missing, and who may not write is rejected, without the password', async () => {
    const password = 'correct-horse-battery'
    await server.control('add_user', 'reader', password)
    await server.control('set_permissions', 'reader', '^$', '^$', '.*')
    const own = (options: object): RabbitMqBroker =>
      new RabbitMqBroker({ port: server.port, prefix: 'it-reader', partitions: 2, ...options })
    await using makers = new BrokerRoom({ cleanUp: false })
    const maker = own({})
    await maker.connect({ clock: systemClock, report: () => undefined })
    await makers.consume(maker, {}, () => undefined)
    for (const [provision, reason] of [
      [true, /does not let this user declare or use/],
      [false, /refused to publish to the exchange "it-reader\.orders:partition:/],
    ] as const) {
      const reader = own({ username: 'reader', password, provision })
      await reader.connect({ clock: systemClock, report: () => undefined })
      const error: unknown = await reader.publish([message(1)]).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'INTERLINE_PUBLISH', outcome: 'failed', message: expect.stringMatching(reason) })
      expect(String((error as Error).stack)).not.toContain(password)
      await reader.close()
    }
    await maker.close()
  })

  it('with a wrong password is refused by name', async () => {
    const { hostname, port } = new URL(url)
    const at = { host: hostname, port: Number(port === '' ? 5672 : port) }
    const connect = { clock: systemClock, report: () => undefined }
    const wrong = new RabbitMqBroker({ ...at, username: 'guest', password: 'wrong-battery' })
    const refused: unknown = await wrong.connect(connect).catch((thrown: unknown) => thrown)
    expect(refused).toMatchObject({ code: 'INTERLINE_CONNECTION', message: expect.stringMatching(/refused user "guest"/) })
    expect(String((refused as Error).stack)).not.toContain('wrong-battery')
    await wrong.close()
  })

  it('of several nodes is let in where one of them answers', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ url: ['amqp://127.0.0.1:1', url, 'amqp://127.0.0.1:2'] })
    await broker.publish([message(1)])
    const nowhere = room.broker({ url: ['amqp://127.0.0.1:1', 'amqp://127.0.0.1:2'] })
    await expect(nowhere).rejects.toMatchObject({
      code: 'INTERLINE_CONNECTION',
      message: expect.stringMatching(/127\.0\.0\.1:[12] can't be reached/),
    })
  })
})

describe('what others made on the server', () => {
  it('under the name of a queue, of another kind, is refused with its name and what to do', async () => {
    await using room = new BrokerRoom()
    await using client = await plainClient()
    await client.channel.assertQueue(`${room.namespace}.orders:group:1`, { durable: true })
    await expect(room.consume(await room.broker(), {}, () => undefined)).rejects.toMatchObject({
      code: 'INTERLINE_CONFIGURATION',
      message: expect.stringMatching(/queue ".*orders:group:1" with other properties.*inequivalent arg.*Keep the options it was made with/),
    })
  })

  it('as a group that keeps order is refused to one that keeps none', async () => {
    await using room = new BrokerRoom()
    await room.consume(await room.broker(), {}, () => undefined)
    await expect(room.consume(await room.broker(), { order: 'none' }, () => undefined)).rejects.toMatchObject({
      code: 'INTERLINE_CONFIGURATION',
      message: expect.stringMatching(/exchange ".*orders:group" with other properties/),
    })
  })
})

describe('what is removed from the server while it is used', () => {
  it('is made again where it is a queue of a group that keeps order, and the loss is told', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: number[] = []
    await room.consume(broker, {}, (delivery) => {
      seen.push(numberOf(delivery))
      return delivery.ack()
    })
    await using client = await plainClient()
    for (const partition of [0, 1]) await client.channel.deleteQueue(`${room.namespace}.orders:group:${partition}`)
    await waitFor(() => room.losses().length === 2, { what: 'both losses to be told' })
    expect(room.losses()).toMatchObject([
      { destination: 'orders', group: 'group' },
      { destination: 'orders', group: 'group' },
    ])
    let n = 0
    await waitFor(
      async () => {
        await broker.publish([message((n += 1), { key: 'one' }), message(n, { key: 'two' })])
        return seen.length > 1
      },
      { what: 'events to arrive again' },
    )
  })

  it('is made again for the next dead letter where it is the queue of those, and its event stays in hand meanwhile', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    await using client = await plainClient()
    const queue = `${room.namespace}.orders:group:dead`
    const failures: unknown[] = []
    await room.consume(broker, {}, async (delivery) => {
      if (numberOf(delivery) === 2) {
        await client.channel.deleteQueue(queue)
        await Promise.resolve(delivery.deadLetter([letterOf(delivery)])).catch((error: unknown) => failures.push(error))
      }
      await delivery.deadLetter([letterOf(delivery)])
    })
    await broker.publish([message(1, { key: 'one' })])
    await waitFor(async () => (await broker.getMetrics()).deadLettered === 1, { what: 'the first dead letter' })
    await broker.publish([message(2, { key: 'one' })])
    await waitFor(() => failures.length === 1, { what: 'the dead letter that no queue took' })
    expect(failures).toMatchObject([{ code: 'INTERLINE_PUBLISH', message: expect.stringMatching(/no queue for the message/) }])
    await using later = await plainClient()
    await waitFor(async () => (await later.channel.checkQueue(queue)).messageCount === 1, { what: 'the dead letter' })
  })

  it('is made again for the next where it is a step of the delays', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: number[] = []
    await room.consume(broker, {}, (delivery) => {
      seen.push(numberOf(delivery))
      return delivery.ack()
    })
    const soon = (n: number): Promise<void> => broker.publish([{ ...message(n), deliverAt: Date.now() + 50 }])
    await soon(1)
    await waitFor(() => seen.length === 1, { what: 'what was scheduled' })
    await using client = await plainClient()
    for (let step = 0; step < 4; step++) await client.channel.deleteQueue(`${room.namespace}:delay:${step}`)
    let n = 1
    await waitFor(
      async () => {
        await soon((n += 1)).catch(() => undefined)
        return seen.length > 1
      },
      { what: 'what is scheduled later' },
    )
  })
})

function letterOf({ message: original, ref }: Delivery): DeadLetter {
  const names = { id: ref, group: 'group', handler: 'mail', destination: 'orders', topic: 'orders.created' }
  const event = { eventType: 'OrderCreated', eventId: 'event-1', correlationId: undefined }
  return {
    ...names,
    ...event,
    attempts: 1,
    firstAttemptAt: 1,
    deadAt: 2,
    reason: 'exhausted',
    error: { name: 'Error', message: 'no', stack: undefined },
    message: original,
  }
}
