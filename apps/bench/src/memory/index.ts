import type { Report } from '../report.js'
import { backlog } from './backlog.js'
import { oneProcess } from './one-process.js'

export async function memory(report: Report): Promise<void> {
  report.table(await oneProcess(1, { events: 200_000, rounds: 7 }))
  report.table(await oneProcess(10, { events: 50_000, rounds: 7 }))
  report.backlog(await backlog(100_000))
}
