import { Server as RedisServer } from '../redis/server.js'
import type { Report } from '../report.js'
import { compare } from '../rounds.js'
import { appenders, equalAppenders } from './appending.js'
import { growth } from './growth.js'
import { adders, carriers, latencies, takers } from './outbox.js'
import { equalReaders, readers } from './reading.js'
import { Server } from './server.js'

/** `full` takes minutes longer: up to a million events. */
export async function postgres(report: Report, full: boolean): Promise<void> {
  await using server = new Server()
  report.table(await compare('PostgreSQL, appends of one event', await appenders(server, 1, 1), { events: 3_000, rounds: 5 }))
  report.table(await compare('PostgreSQL, appends of 10 events', await appenders(server, 10, 1), { events: 10_000, rounds: 5 }))
  report.table(await compare('PostgreSQL, appends of 100 events', await appenders(server, 100, 1), { events: 20_000, rounds: 5 }))
  report.table(
    await compare('PostgreSQL, 20 concurrent appends of one event', await appenders(server, 1, 20), { events: 10_000, rounds: 5 }),
  )
  report.table(await compare('PostgreSQL, reading a stream', await readers(server), { events: 20_000, rounds: 5 }))
  for (const [size, events] of [
    [1, 3_000],
    [10, 10_000],
    [100, 20_000],
  ] as const) {
    const title = `PostgreSQL, appends of ${size} beside the same work by hand`
    report.table(await compare(title, await equalAppenders(server, size), { events, rounds: 7 }))
  }
  report.table(await compare('PostgreSQL, reading beside the same work by hand', await equalReaders(server), { events: 20_000, rounds: 7 }))
  const { costs, catchingUp } = await growth(server, full ? [1_000, 10_000, 100_000, 1_000_000] : [1_000, 10_000, 100_000])
  report.growth('PostgreSQL, cost of one call as the store grows', costs)
  report.catchingUp(catchingUp)
  await outbox(report, server)
}

async function outbox(report: Report, server: Server): Promise<void> {
  await using redis = new RedisServer()
  report.table(await compare('PostgreSQL, transactions of a row and an event', await adders(server), { events: 2_000, rounds: 5 }))
  report.table(await compare('PostgreSQL, outbox, take and complete', await takers(server), { events: 20_000, rounds: 5 }))
  report.table(await compare('PostgreSQL to Redis', await carriers(server, redis), { events: 10_000, rounds: 5 }))
  report.latencies('PostgreSQL, from the call of the transaction to the handler', await latencies(server, 300))
}
