import { concurrently, type Send } from '../brokers/publishing.js'
import { Arrivals, OrderCreated, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import { partitions, type Server } from './server.js'

/** Nobody consumes while they publish: what is in the queues is counted, or consumed, when the clock has stopped. */
export async function concurrentPublishers(server: Server): Promise<readonly Contestant[]> {
  return [await raw(server), await rawOnTheSameWay(server), await interline(server)]
}

/** Each call resolves with its own confirm. What the server confirmed is counted, not read back. */
async function raw(server: Server): Promise<Contestant> {
  const channel = await server.confirmChannel()
  const queue = await server.queue(channel, 'published')
  const send: Send = ([number = 0]) =>
    new Promise((resolve, reject) => {
      const payload = order(number)
      const properties = { persistent: true, mandatory: true, messageId: String(payload.id) }
      channel.publish('', queue, Buffer.from(JSON.stringify(payload)), properties, (error) =>
        error === null ? resolve(undefined) : reject(error),
      )
    })
  return {
    name: 'amqplib, into one queue',
    run: concurrently(send),
    check: async () => void (await channel.purgeQueue(queue)),
  }
}

/** What the way through a topic exchange into as many queues as a group has costs, and the headers of a CloudEvent, without Interline. */
async function rawOnTheSameWay(server: Server): Promise<Contestant> {
  const channel = await server.confirmChannel()
  const exchange = await server.exchange(channel, 'routed')
  const queues: string[] = []
  for (let index = 0; index < partitions; index++) {
    const queue = await server.queue(channel, `routed-${index}`)
    await channel.bindQueue(queue, exchange, `${OrderCreated.topic}.${index}`)
    queues.push(queue)
  }
  const send: Send = ([number = 0]) =>
    new Promise((resolve, reject) => {
      const payload = order(number)
      const id = `01a1ff31-52ec-7462-b414-${payload.id.toString().padStart(12, '0')}`
      const headers = {
        cloudEvents_specversion: '1.0',
        cloudEvents_id: id,
        cloudEvents_source: 'bench',
        cloudEvents_type: OrderCreated.type,
        cloudEvents_time: new Date().toISOString(),
        cloudEvents_topic: OrderCreated.topic,
        cloudEvents_correlationid: id,
      }
      const properties = { persistent: true, mandatory: true, messageId: id, contentType: 'application/json', headers }
      const key = `${OrderCreated.topic}.${number % partitions}`
      channel.publish(exchange, key, Buffer.from(JSON.stringify(payload)), properties, (error) =>
        error === null ? resolve(undefined) : reject(error),
      )
    })
  return {
    name: `amqplib, by a topic exchange to ${partitions} queues`,
    run: concurrently(send),
    async check() {
      for (const queue of queues) await channel.purgeQueue(queue)
    },
  }
}

async function interline(server: Server): Promise<Contestant> {
  await consume(0)
  const bus = server.bus('concurrent')
  await bus.start()
  return {
    name: 'interline, a publish for each',
    run: concurrently(([number = 0]) => bus.publish(OrderCreated(order(number)))),
    check: consume,
    close: () => bus.close(),
  }

  /** By a bus of its own: the group is there before, and nobody takes part in it while the clock runs. */
  async function consume(events: number): Promise<void> {
    const arrivals = new Arrivals()
    const consumer = server.bus('concurrent')
    arrivals.expect(events)
    await consumer.subscribe(OrderCreated, ({ data }) => arrivals.arrived(data), { name: 'check' })
    await consumer.start()
    if (events > 0) await arrivals.done
    await consumer.close()
    if (events > 0) arrivals.check()
  }
}
