import { type Latency, latenciesOf, type Path, pathOfBus } from '../brokers/latency.js'
import { Arrivals, order } from '../payload.js'
import type { Server } from './server.js'

export async function latencies(server: Server, events: number): Promise<readonly Latency[]> {
  return latenciesOf([await raw(server), await pathOfBus(server.bus('latency'))], events)
}

async function raw(server: Server): Promise<Path> {
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
