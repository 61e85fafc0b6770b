import type { Redis } from 'ioredis'
import { Arrivals, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import { OrderCreated, type Server } from './server.js'

const batchSize = 100
const group = 'bench'
const fillSize = 1_000

/** What waits in a stream is handled and acknowledged. */
export async function consumers(server: Server): Promise<readonly Contestant[]> {
  return [
    await raw(server),
    await interline(server, 'interline, dedup: false', 'plain', { dedup: false }),
    await interline(server, 'interline as it is, with dedup', 'dedup', {}),
  ]
}

/** 100 at a time, acknowledged by one call which the next read does not wait for. */
async function raw(server: Server): Promise<Contestant> {
  const [reader, writer] = [await server.raw(), await server.raw()]
  const stream = server.key('consumed')
  const arrivals = new Arrivals()
  await reader.xgroup('CREATE', stream, group, '$', 'MKSTREAM')
  return {
    name: 'ioredis, XREADGROUP COUNT 100, one XACK',
    prepare: async (events) => {
      arrivals.expect(events)
      await fill(writer, stream, events)
    },
    async run(events) {
      let acknowledged: Promise<unknown> = Promise.resolve()
      for (let left = events; left > 0; ) {
        const answer = await reader.xreadgroup('GROUP', group, 'one', 'COUNT', batchSize, 'STREAMS', stream, '>')
        const entries = answer?.[0]?.[1] ?? []
        for (const [, fields] of entries) arrivals.arrived(JSON.parse(fields?.[3] ?? ''))
        await acknowledged
        acknowledged = writer.xack(stream, group, ...entries.map(([id]) => id))
        left -= entries.length
      }
      await acknowledged
    },
    check: async () => {
      arrivals.check()
      await writer.xtrim(stream, 'MAXLEN', 0)
    },
  }
}

async function fill(client: Redis, stream: string, events: number): Promise<void> {
  for (let first = 0; first < events; first += fillSize) {
    const pipeline = client.pipeline()
    for (let number = first; number < Math.min(events, first + fillSize); number++) {
      const payload = order(number)
      pipeline.xadd(stream, '*', 'id', payload.id, 'data', JSON.stringify(payload))
    }
    await pipeline.exec()
  }
}

async function interline(server: Server, title: string, name: string, options: { readonly dedup?: false }): Promise<Contestant> {
  const arrivals = new Arrivals()
  const bus = server.bus(name, options)
  const subscription = await bus.subscribe(OrderCreated, ({ data }) => arrivals.arrived(data), { name: 'count' })
  await bus.start()
  return {
    name: title,
    async prepare(events) {
      arrivals.expect(events)
      subscription.pause()
      for (let first = 0; first < events; first += fillSize) {
        const length = Math.min(fillSize, events - first)
        await bus.publishBatch(Array.from({ length }, (_, index) => OrderCreated(order(first + index))))
      }
    },
    async run() {
      subscription.resume()
      await arrivals.done
      // until everything is acknowledged
      await bus.idle()
    },
    check: () => arrivals.check(),
    close: () => bus.close(),
  }
}
