import { busThatConsumes, fillings } from '../brokers/consuming.js'
import { Arrivals, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import type { Server } from './server.js'

/** What waits in a queue is handled and acknowledged. */
export async function consumers(server: Server): Promise<readonly Contestant[]> {
  return [
    await raw(server),
    await busThatConsumes(server.bus('plain', { dedup: false }), 'interline, dedup: false'),
    await busThatConsumes(server.bus('dedup'), 'interline as it is, with dedup'),
  ]
}

/** As it is usually written: 100 at a time, each acknowledged. */
async function raw(server: Server): Promise<Contestant> {
  const channel = await server.confirmChannel()
  const queue = await server.queue(channel, 'consumed')
  const arrivals = new Arrivals()
  await channel.prefetch(100)
  return {
    name: 'amqplib, prefetch 100, an ack for each',
    async prepare(events) {
      arrivals.expect(events)
      for (const numbers of fillings(events)) {
        for (const number of numbers) channel.sendToQueue(queue, Buffer.from(JSON.stringify(order(number))), { persistent: true })
        await channel.waitForConfirms()
      }
    },
    async run() {
      const { consumerTag } = await channel.consume(queue, (message) => {
        if (message === null) return
        arrivals.arrived(JSON.parse(message.content.toString()))
        channel.ack(message)
      })
      await arrivals.done
      await channel.cancel(consumerTag)
    },
    check: () => arrivals.check(),
  }
}
