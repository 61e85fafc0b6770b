import { busThatPublishes, concurrently, type Send } from '../brokers/publishing.js'
import { order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import type { Server } from './server.js'

export async function concurrentPublishers(server: Server): Promise<readonly Contestant[]> {
  return [await raw(server), await busThatPublishes(server.bus('concurrent'), 'interline, a publish for each', concurrently)]
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
    name: 'amqplib, a publish and confirm for each',
    run: concurrently(send),
    check: async () => void (await channel.purgeQueue(queue)),
  }
}
