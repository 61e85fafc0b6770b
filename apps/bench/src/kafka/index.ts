import type { Report } from '../report.js'
import { compare } from '../rounds.js'
import { consumers } from './consuming.js'
import { latencies } from './latency.js'
import { batchPublishers, concurrentPublishers } from './publishing.js'
import { Server } from './server.js'

export async function kafka(report: Report): Promise<void> {
  await using server = new Server()
  report.table(
    await compare('Kafka, 100 concurrent publishes of one event', await concurrentPublishers(server), { events: 10_000, rounds: 5 }),
  )
  report.table(await compare('Kafka, batches of 100', await batchPublishers(server), { events: 20_000, rounds: 5 }))
  report.table(await compare('Kafka, consuming what waits', await consumers(server), { events: 30_000, rounds: 5 }))
  report.latencies('Kafka, from the call of publish to the handler, one at a time', await latencies(server, 500))
}
