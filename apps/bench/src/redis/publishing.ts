import type { Redis } from 'ioredis'
import { busThatPublishes, concurrently, inBatches, type Send } from '../brokers/publishing.js'
import { Arrivals, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import { entryOf, partitions } from './entry.js'
import type { Server } from './server.js'

/** How long it is remembered what was stored. */
const doublesMs = 60_000

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

/** The same beside ioredis at the same work: the entries that the bus writes, in eight streams, and each once, however often it is sent. */
export async function equalPublishers(server: Server, dedup: boolean): Promise<readonly Contestant[]> {
  const client = await server.raw()
  client.defineCommand('addOnce', {
    numberOfKeys: 2,
    lua: `if redis.call('SET', KEYS[1], '1', 'NX', 'PX', ${doublesMs}) then redis.call('XADD', KEYS[2], '*', unpack(ARGV)) end`,
  })
  const name = dedup ? 'equal-once' : 'equal'
  const streams = Array.from({ length: partitions }, (_, partition) => server.key(`${name}:${partition}`))
  const pipeline: Send = async (numbers) => {
    const commands = client.pipeline() as ReturnType<Redis['pipeline']> & { addOnce(...given: readonly string[]): void }
    for (const number of numbers) {
      const [fields, stream] = [entryOf(number), streams[number % partitions] as string]
      if (dedup) commands.addOnce(server.key(`${name}:known:${fields[fields.indexOf('id') + 1]}`), stream, ...fields)
      else commands.xadd(stream, '*', ...fields)
    }
    for (const [error] of (await commands.exec()) ?? []) if (error !== null) throw error
  }
  const arrivals = new Arrivals()
  return [
    {
      name: `ioredis, a pipeline of 100 ${dedup ? 'scripts, each SET NX and XADD' : 'XADD'}, the same entries in ${partitions} streams`,
      run: inBatches(pipeline),
      async check(events) {
        arrivals.expect(events)
        for (const stream of streams) {
          for (const [, fields] of await client.xrange(stream, '-', '+')) arrivals.arrived(JSON.parse(fields.at(-1) ?? ''))
        }
        arrivals.check()
        await server.clear(client, `${name}:`)
      },
    },
    await busThatPublishes(server.bus(`${name}-batches`), 'interline, publishBatch of 100', inBatches),
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
