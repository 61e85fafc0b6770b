import type { Report } from '../report.js'
import { compare } from '../rounds.js'
import { appenders } from './appending.js'
import { consumers, equals } from './consuming.js'
import { latencies } from './latency.js'
import { batchPublishers, concurrentPublishers, equalPublishers } from './publishing.js'
import { Server } from './server.js'

export async function redis(report: Report): Promise<void> {
  await using server = new Server()
  report.table(
    await compare('Redis, 100 concurrent publishes of one event', await concurrentPublishers(server), { events: 20_000, rounds: 5 }),
  )
  report.table(await compare('Redis, batches of 100', await batchPublishers(server), { events: 20_000, rounds: 5 }))
  for (const dedup of [false, true]) {
    report.table(
      await compare('Redis, batches beside the same work by hand', await equalPublishers(server, dedup), { events: 20_000, rounds: 7 }),
    )
  }
  report.table(await compare('Redis, consuming what waits', await consumers(server), { events: 30_000, rounds: 5 }))
  for (const dedup of [false, true]) {
    report.table(await compare('Redis, consuming beside the same work by hand', await equals(server, dedup), { events: 30_000, rounds: 7 }))
  }
  for (const size of [1, 10]) {
    report.table(await compare(`Redis, appends of ${size} to a store`, await appenders(server, size), { events: 5_000 * size, rounds: 7 }))
  }
  report.latencies('Redis, from the call of publish to the handler, one at a time', await latencies(server, 2_000))
}
