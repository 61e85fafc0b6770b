import { Arrivals, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import { OrderCreated, type Server } from './server.js'

type Send = (numbers: readonly number[]) => Promise<unknown>

const concurrency = 100
const batchSize = 100

/** 100 calls of `send` with one event each are under way at any time. */
function concurrently(send: Send): (events: number) => Promise<void> {
  return async (events) => {
    let next = 0
    const worker = async (): Promise<void> => {
      while (next < events) await send([next++])
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
  }
}

/** One batch after the other. */
function inBatches(send: Send): (events: number) => Promise<void> {
  return async (events) => {
    for (let first = 0; first < events; first += batchSize) {
      await send(Array.from({ length: Math.min(batchSize, events - first) }, (_, index) => first + index))
    }
  }
}

export async function concurrentPublishers(server: Server): Promise<readonly Contestant[]> {
  return [
    await raw(server, 'kafkajs, a send for each, acks all', concurrently),
    await interline(server, 'interline, a publish for each', 'concurrent', concurrently),
  ]
}

export async function batchPublishers(server: Server): Promise<readonly Contestant[]> {
  return [
    await raw(server, 'kafkajs, a send of 100, acks all', inBatches),
    await interline(server, 'interline, publishBatch of 100', 'batches', inBatches),
  ]
}

/** The id beside the payload, so that a consumer can tell duplicates. What Kafka acknowledged is counted, not read back. */
async function raw(server: Server, name: string, way: (send: Send) => Contestant['run']): Promise<Contestant> {
  const [producer, topic] = [await server.producer(), await server.topic(name.replace(/[^a-z0-9]+/g, '-'))]
  const message = (number: number) => {
    const payload = order(number)
    return { value: JSON.stringify(payload), headers: { id: String(payload.id) } }
  }
  return { name, run: way((numbers) => producer.send({ topic, acks: -1, messages: numbers.map(message) })) }
}

/** A group waits for the events all the while, and takes them when the clock has stopped. */
async function interline(server: Server, title: string, name: string, way: (send: Send) => Contestant['run']): Promise<Contestant> {
  const arrivals = new Arrivals()
  const bus = server.bus(name)
  const subscription = await bus.subscribe(OrderCreated, ({ data }) => arrivals.arrived(data), { name: 'check' })
  await bus.start()
  subscription.pause()
  const run = way((numbers) => {
    const [first = 0] = numbers
    return numbers.length === 1
      ? bus.publish(OrderCreated(order(first)))
      : bus.publishBatch(numbers.map((number) => OrderCreated(order(number))))
  })
  return {
    name: title,
    run,
    async check(events) {
      arrivals.expect(events)
      subscription.resume()
      await arrivals.done
      await bus.idle()
      subscription.pause()
      arrivals.check()
    },
  }
}
