import { Arrivals, order } from '../payload.js'
import type { Latency } from '../redis/latency.js'
import { quantile } from '../rounds.js'
import { OrderCreated, type Server } from './server.js'

interface Way {
  readonly name: string
  /** Resolves when the event is with its handler. */
  send(number: number): Promise<void>
}

/** From the call of `publish` to the handler, one event at a time, the ways in turn. */
export async function latencies(server: Server, events: number): Promise<readonly Latency[]> {
  const ways = [await raw(server), await interline(server)]
  const micros = ways.map((): number[] => [])
  for (let number = -events / 10; number < events; number++) {
    for (const [index, way] of ways.entries()) {
      const began = performance.now()
      await way.send(Math.abs(number))
      if (number >= 0) micros[index]?.push((performance.now() - began) * 1_000)
    }
  }
  return ways.map(({ name }, index) => {
    const own = micros[index] as number[]
    return { name, p50Micros: quantile(own, 0.5), p99Micros: quantile(own, 0.99) }
  })
}

async function raw(server: Server): Promise<Way> {
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

async function interline(server: Server): Promise<Way> {
  const arrivals = new Arrivals()
  const bus = server.bus('latency')
  await bus.subscribe(OrderCreated, ({ data }) => arrivals.arrived(data), { name: 'arrive' })
  await bus.start()
  return {
    name: 'interline, publish to handler',
    async send(number) {
      arrivals.expect(1)
      const accepted = bus.publish(OrderCreated(order(number)))
      await arrivals.done
      await accepted
    },
  }
}
