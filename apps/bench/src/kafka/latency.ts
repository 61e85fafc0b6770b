import { type Latency, latenciesOf, type Path, pathOfBus } from '../brokers/latency.js'
import { Arrivals, order } from '../payload.js'
import type { Server } from './server.js'

export async function latencies(server: Server, events: number): Promise<readonly Latency[]> {
  const byPlatformatic = await pathOfBus(server.bus('latency-platformatic', {}, 'platformatic'), 'interline by platformatic')
  return latenciesOf([await raw(server), await pathOfBus(server.bus('latency')), byPlatformatic], events)
}

async function raw(server: Server): Promise<Path> {
  const [consumer, producer, topic] = [await server.consumer(), await server.producer(), await server.topic('latency')]
  const arrivals = new Arrivals()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommitInterval: 1_000,
    eachMessage: async ({ message }) => arrivals.arrived(JSON.parse(String(message.value))),
  })
  return {
    name: 'kafkajs, send to eachMessage',
    async send(number) {
      arrivals.expect(1)
      const accepted = producer.send({ topic, messages: [{ value: JSON.stringify(order(number)) }] })
      await arrivals.done
      await accepted
    },
  }
}
