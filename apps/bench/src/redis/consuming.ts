import type { Redis } from 'ioredis'
import { busThatConsumes, fillings } from '../brokers/consuming.js'
import { Arrivals, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import { entryOf, partitions } from './entry.js'
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

/** The same beside ioredis at the same work. */
export async function equals(server: Server, dedup: boolean): Promise<readonly Contestant[]> {
  const bus = dedup ? server.bus('equal-dedup') : server.bus('equal', { dedup: false })
  return [await careful(server, dedup), await busThatConsumes(bus, `interline${dedup ? ', with dedup' : ', dedup: false'}`)]
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

const doublesMs = 60_000

/**
 * What one writes by hand for the same: entries with the attributes of a CloudEvent, in eight streams, each acknowledged for itself; and to
 * handle none twice, a key for each that is claimed before and marked as done after.
 */
async function careful(server: Server, dedup: boolean): Promise<Contestant> {
  const [reader, writer] = [await server.raw(), await server.raw()]
  const name = dedup ? 'careful-dedup' : 'careful'
  const streams = Array.from({ length: partitions }, (_, partition) => server.key(`${name}:${partition}`))
  const arrivals = new Arrivals()
  for (const stream of streams) await reader.xgroup('CREATE', stream, group, '$', 'MKSTREAM')
  const keyOf = (id: string | undefined): string => server.key(`${name}:done:${id}`)
  const claim = async (events: readonly Record<string, string>[]): Promise<readonly Record<string, string>[]> => {
    if (!dedup) return events
    const pipeline = reader.pipeline()
    for (const { id } of events) pipeline.set(keyOf(id), 'claimed', 'PX', doublesMs, 'NX')
    const answers = await pipeline.exec()
    return events.filter((_, index) => answers?.[index]?.[1] === 'OK')
  }
  const acknowledge = async (handled: readonly Record<string, string>[], stream: string, ids: readonly string[]): Promise<void> => {
    const pipeline = writer.pipeline()
    if (dedup) for (const { id } of handled) pipeline.set(keyOf(id), 'done', 'PX', doublesMs)
    await pipeline.xack(stream, group, ...ids).exec()
  }
  return {
    name: `ioredis, the same entries in ${partitions} streams${dedup ? ', a key for each against doubles' : ''}`,
    async prepare(events) {
      arrivals.expect(events)
      for (const numbers of fillings(events)) {
        const pipeline = writer.pipeline()
        for (const number of numbers) pipeline.xadd(streams[number % partitions] as string, '*', ...entryOf(number))
        await pipeline.exec()
      }
    },
    async run(events) {
      let acknowledged: Promise<unknown> = Promise.resolve()
      for (let left = events; left > 0; ) {
        const ends = streams.map(() => '>')
        const answer = await reader.xreadgroup('GROUP', group, 'one', 'COUNT', batchSize, 'STREAMS', ...streams, ...ends)
        for (const [stream, entries] of (answer ?? []) as [string, [string, string[]][]][]) {
          const handled = await claim(entries.map(([, fields]) => attributesOf(fields)))
          for (const { data = '' } of handled) arrivals.arrived(JSON.parse(data))
          await acknowledged
          acknowledged = acknowledge(
            handled,
            stream,
            entries.map(([id]) => id),
          )
          left -= entries.length
        }
      }
      await acknowledged
    },
    async check() {
      arrivals.check()
      for (const stream of streams) await writer.xtrim(stream, 'MAXLEN', 0)
    },
  }
}

function attributesOf(fields: readonly string[]): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (let index = 0; index < fields.length; index += 2) attributes[fields[index] as string] = fields[index + 1] as string
  return attributes
}
