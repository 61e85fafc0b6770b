import type { Report } from '../report.js'
import { compare } from '../rounds.js'
import { appenders } from './appending.js'
import { readers } from './reading.js'
import { Server } from './server.js'

export async function postgres(report: Report): Promise<void> {
  await using server = new Server()
  report.table(await compare('PostgreSQL, appends of one event', await appenders(server, 1, 1), { events: 3_000, rounds: 5 }))
  report.table(await compare('PostgreSQL, appends of 10 events', await appenders(server, 10, 1), { events: 10_000, rounds: 5 }))
  report.table(await compare('PostgreSQL, appends of 100 events', await appenders(server, 100, 1), { events: 20_000, rounds: 5 }))
  report.table(
    await compare('PostgreSQL, 20 concurrent appends of one event', await appenders(server, 1, 20), { events: 10_000, rounds: 5 }),
  )
  report.table(await compare('PostgreSQL, reading a stream', await readers(server), { events: 20_000, rounds: 5 }))
}
