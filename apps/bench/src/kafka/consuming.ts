import { Arrivals, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import { OrderCreated, type Server } from './server.js'

const fillSize = 1_000

/** What waits in a topic is handled, and committed behind the handlers. */
export async function consumers(server: Server): Promise<readonly Contestant[]> {
  return [
    await raw(server),
    await interline(server, 'interline, dedup: false', 'plain', { dedup: false }),
    await interline(server, 'interline as it is, with dedup', 'dedup', {}),
  ]
}

async function raw(server: Server): Promise<Contestant> {
  const [consumer, producer, topic] = [await server.consumer(), await server.producer(), await server.topic('consumed')]
  const arrivals = new Arrivals()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommitInterval: 1_000,
    eachMessage: async ({ message }) => arrivals.arrived(JSON.parse(String(message.value))),
  })
  return {
    name: 'kafkajs, eachMessage, commits every second',
    async prepare(events) {
      arrivals.expect(events)
      consumer.pause([{ topic }])
      for (let first = 0; first < events; first += fillSize) {
        const numbers = Array.from({ length: Math.min(fillSize, events - first) }, (_, index) => first + index)
        await producer.send({ topic, messages: numbers.map((number) => ({ value: JSON.stringify(order(number)) })) })
      }
    },
    async run() {
      consumer.resume([{ topic }])
      await arrivals.done
    },
    check: () => arrivals.check(),
  }
}

async function interline(server: Server, title: string, name: string, options: { readonly dedup?: false }): Promise<Contestant> {
  const arrivals = new Arrivals()
  const bus = server.bus(name, options)
  const subscription = await bus.subscribe(OrderCreated, ({ data }) => arrivals.arrived(data), { name: 'count' })
  await bus.start()
  return {
    name: title,
    async prepare(events) {
      arrivals.expect(events)
      subscription.pause()
      for (let first = 0; first < events; first += fillSize) {
        const length = Math.min(fillSize, events - first)
        await bus.publishBatch(Array.from({ length }, (_, index) => OrderCreated(order(first + index))))
      }
    },
    async run() {
      subscription.resume()
      await arrivals.done
    },
    check: () => arrivals.check(),
  }
}
