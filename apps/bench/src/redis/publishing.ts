import type { Redis } from 'ioredis'
import { Arrivals, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import { OrderCreated, type Server } from './server.js'

type Send = (numbers: readonly number[]) => Promise<void>

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
    await interline(server, 'interline, a publish for each', 'concurrent', (publish) => concurrently(publish)),
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
    await interline(server, 'interline, publishBatch of 100', 'batches', (publish) => inBatches(publish)),
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

/** A group waits for the events all the while, so that nothing is trimmed; it takes them when the clock has stopped. */
async function interline(server: Server, title: string, name: string, run: (send: Send) => Contestant['run']): Promise<Contestant> {
  const arrivals = new Arrivals()
  const bus = server.bus(name)
  const subscription = await bus.subscribe(OrderCreated, ({ data }) => arrivals.arrived(data), { name: 'check' })
  await bus.start()
  subscription.pause()
  const send: Send = (numbers) => {
    const [first = 0] = numbers
    return numbers.length === 1
      ? bus.publish(OrderCreated(order(first)))
      : bus.publishBatch(numbers.map((number) => OrderCreated(order(number))))
  }
  return {
    name: title,
    run: run(send),
    async check(events) {
      arrivals.expect(events)
      subscription.resume()
      await arrivals.done
      await bus.idle()
      subscription.pause()
      arrivals.check()
    },
    close: () => bus.close(),
  }
}
