import { busThatPublishes, concurrently, inBatches, type Way } from '../brokers/publishing.js'
import { order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import type { Server } from './server.js'

export async function concurrentPublishers(server: Server): Promise<readonly Contestant[]> {
  return [
    await raw(server, 'kafkajs, a send for each, acks all', concurrently),
    await busThatPublishes(server.bus('concurrent'), 'interline, a publish for each', concurrently),
    await busThatPublishes(server.bus('concurrent-platformatic', {}, 'platformatic'), 'interline by platformatic, the same', concurrently),
  ]
}

export async function batchPublishers(server: Server): Promise<readonly Contestant[]> {
  return [
    await raw(server, 'kafkajs, a send of 100, acks all', inBatches),
    await busThatPublishes(server.bus('batches'), 'interline, publishBatch of 100', inBatches),
    await busThatPublishes(server.bus('batches-platformatic', {}, 'platformatic'), 'interline by platformatic, the same', inBatches),
  ]
}

/** The id beside the payload, so that a consumer can tell duplicates. What Kafka acknowledged is counted, not read back. */
async function raw(server: Server, name: string, way: Way): Promise<Contestant> {
  const [producer, topic] = [await server.producer(), await server.topic(name.replace(/[^a-z0-9]+/g, '-'))]
  const message = (number: number) => {
    const payload = order(number)
    return { value: JSON.stringify(payload), headers: { id: String(payload.id) } }
  }
  return { name, run: way((numbers) => producer.send({ topic, acks: -1, messages: numbers.map(message) })) }
}
