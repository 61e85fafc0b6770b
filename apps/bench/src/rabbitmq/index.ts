import type { Report } from '../report.js'
import { compare } from '../rounds.js'
import { consumers } from './consuming.js'
import { latencies } from './latency.js'
import { concurrentPublishers } from './publishing.js'
import { Server } from './server.js'

export async function rabbitmq(report: Report): Promise<void> {
  await using server = new Server()
  report.table(
    await compare('RabbitMQ, 100 concurrent publishes of one event', await concurrentPublishers(server), { events: 5_000, rounds: 5 }),
  )
  report.table(await compare('RabbitMQ, consuming what waits', await consumers(server), { events: 10_000, rounds: 5 }))
  report.latencies('RabbitMQ, from the call of publish to the handler, one at a time', await latencies(server, 500))
}
