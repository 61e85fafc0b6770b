import type { Redis } from 'ioredis'
import { busThatPublishes, concurrently, inBatches, type Send } from '../brokers/publishing.js'
import { Arrivals, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import type { Server } from './server.js'

/** XADD as it is called by hand: the id beside the payload, so that a consumer can tell duplicates. */
function entry(number: number): readonly [string, string, string, string] {
  const payload = order(number)
  return ['id', String(payload.id), 'data', JSON.stringify(payload)]
}

export async function concurrentPublishers(server: Server): Promise<readonly Contestant[]> {
  const client = await server.raw()
  const pipelined = await server.raw()
  pipelined.options.enableAutoPipelining = true
  const add =
    (to: Redis, stream: string): Send =>
    async ([number = 0]) =>
      void (await to.xadd(stream, '*', ...entry(number)))
  const [plain, auto] = [server.key('xadd'), server.key('auto')]
  return [
    raw(server, 'ioredis, an XADD for each', plain, client, concurrently(add(client, plain))),
    await busThatPublishes(server.bus('concurrent'), 'interline, a publish for each', concurrently),
    raw(server, 'ioredis, enableAutoPipelining', auto, client, concurrently(add(pipelined, auto))),
  ]
}

export async function batchPublishers(server: Server): Promise<readonly Contestant[]> {
  const client = await server.raw()
  const stream = server.key('pipeline')
  const pipeline: Send = async (numbers) => {
    const commands = client.pipeline()
    for (const number of numbers) commands.xadd(stream, '*', ...entry(number))
    for (const [error] of (await commands.exec()) ?? []) if (error !== null) throw error
  }
  return [
    raw(server, 'ioredis, a pipeline of 100 XADD', stream, client, inBatches(pipeline)),
    await busThatPublishes(server.bus('batches'), 'interline, publishBatch of 100', inBatches),
  ]
}

function raw(server: Server, name: string, stream: string, client: Redis, run: Contestant['run']): Contestant {
  const arrivals = new Arrivals()
  return {
    name,
    run,
    async check(events) {
      arrivals.expect(events)
      for (const [, fields] of await client.xrange(stream, '-', '+')) arrivals.arrived(JSON.parse(fields[3] ?? ''))
      arrivals.check()
      await client.unlink(stream)
    },
    close: () => server.clear(client, stream),
  }
}
