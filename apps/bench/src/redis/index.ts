import type { Report } from '../report.js'
import { compare } from '../rounds.js'
import { consumers } from './consuming.js'
import { latencies } from './latency.js'
import { batchPublishers, concurrentPublishers } from './publishing.js'
import { Server } from './server.js'

export async function redis(report: Report): Promise<void> {
  await using server = new Server()
  report.table(
    await compare('Redis, 100 concurrent publishes of one event', await concurrentPublishers(server), { events: 20_000, rounds: 5 }),
  )
  report.table(await compare('Redis, batches of 100', await batchPublishers(server), { events: 20_000, rounds: 5 }))
  report.table(await compare('Redis, consuming what waits', await consumers(server), { events: 30_000, rounds: 5 }))
  report.latencies('Redis, from the call of publish to the handler, one at a time', await latencies(server, 2_000))
}
