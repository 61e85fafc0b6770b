import type { Redis } from 'ioredis'
import { busThatConsumes, fillings } from '../brokers/consuming.js'
import { Arrivals, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import type { Server } from './server.js'

const batchSize = 100
const group = 'bench'

/** What waits in a stream is handled and acknowledged. */
export async function consumers(server: Server): Promise<readonly Contestant[]> {
  return [
    await raw(server),
    await busThatConsumes(server.bus('plain', { dedup: false }), 'interline, dedup: false'),
    await busThatConsumes(server.bus('dedup'), 'interline as it is, with dedup'),
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
  for (const numbers of fillings(events)) {
    const pipeline = client.pipeline()
    for (const number of numbers) {
      const payload = order(number)
      pipeline.xadd(stream, '*', 'id', payload.id, 'data', JSON.stringify(payload))
    }
    await pipeline.exec()
  }
}
