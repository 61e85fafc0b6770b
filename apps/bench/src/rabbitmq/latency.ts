import { type Latency, latenciesOf, type Path, pathOfBus } from '../brokers/latency.js'
import { Arrivals, order } from '../payload.js'
import type { Server } from './server.js'

export async function latencies(server: Server, events: number): Promise<readonly Latency[]> {
  return latenciesOf([await raw(server), await pathOfBus(server.bus('latency'))], events)
}

async function raw(server: Server): Promise<Path> {
  const [channel, consuming] = [await server.confirmChannel(), await server.channel()]
  const queue = await server.queue(consuming, 'latency')
  const arrivals = new Arrivals()
  await consuming.consume(queue, (message) => {
    if (message === null) return
    arrivals.arrived(JSON.parse(message.content.toString()))
    consuming.ack(message)
  })
  return {
    name: 'amqplib, publish to consume',
    async send(number) {
      arrivals.expect(1)
      channel.sendToQueue(queue, Buffer.from(JSON.stringify(order(number))), { persistent: true })
      await arrivals.done
      await channel.waitForConfirms()
    },
  }
}
