import { busThatConsumes, fillings } from '../brokers/consuming.js'
import { Arrivals, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import type { Server } from './server.js'

/** What waits in a topic is handled, and committed behind the handlers. */
export async function consumers(server: Server): Promise<readonly Contestant[]> {
  return [
    await raw(server),
    await busThatConsumes(server.bus('plain', { dedup: false }), 'interline, dedup: false'),
    await busThatConsumes(server.bus('plain-platformatic', { dedup: false }, 'platformatic'), 'interline by platformatic, dedup: false'),
    await busThatConsumes(server.bus('dedup'), 'interline as it is, with dedup'),
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
      for (const numbers of fillings(events)) {
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
