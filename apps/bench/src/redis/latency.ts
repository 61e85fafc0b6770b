import { Arrivals, order } from '../payload.js'
import { quantile } from '../rounds.js'
import { OrderCreated, type Server } from './server.js'

export interface Latency {
  readonly name: string
  readonly p50Micros: number
  readonly p99Micros: number
}

interface Way {
  readonly name: string
  /** Resolves when the event is with its handler. */
  send(number: number): Promise<void>
  end(): Promise<void>
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
  for (const way of ways) await way.end()
  return ways.map(({ name }, index) => {
    const own = micros[index] as number[]
    return { name, p50Micros: quantile(own, 0.5), p99Micros: quantile(own, 0.99) }
  })
}

async function raw(server: Server): Promise<Way> {
  const [reader, writer] = [await server.raw(), await server.raw()]
  const stream = server.key('latency')
  const arrivals = new Arrivals()
  await reader.xgroup('CREATE', stream, 'bench', '$', 'MKSTREAM')
  const read = async (): Promise<void> => {
    for (;;) {
      const answer = await reader.xreadgroup('GROUP', 'bench', 'one', 'COUNT', 100, 'BLOCK', 0, 'STREAMS', stream, '>')
      for (const [id, fields] of answer?.[0]?.[1] ?? []) {
        arrivals.arrived(JSON.parse(fields?.[1] ?? ''))
        await writer.xack(stream, 'bench', id)
      }
    }
  }
  let ended = false
  const reading = read().catch((error: unknown) => {
    if (!ended) throw error
  })
  return {
    name: 'ioredis, XADD to XREADGROUP BLOCK',
    async send(number) {
      arrivals.expect(1)
      void writer.xadd(stream, '*', 'data', JSON.stringify(order(number)))
      await arrivals.done
    },
    async end() {
      ended = true
      reader.disconnect()
      await reading
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
    end: () => bus.close(),
  }
}
