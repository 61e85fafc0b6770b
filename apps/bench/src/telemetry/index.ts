import { Server } from '../redis/server.js'
import type { Report } from '../report.js'
import { type Contestant, compare, type Result, type Rounds, type Table } from '../rounds.js'
import { inMemory } from './in-memory.js'
import { throughRedis } from './through-redis.js'
import { type Watchers, watchers } from './watchers.js'

/** What watching costs: the first of each table is the same bus unwatched. Many short rounds, as it is a few per cent that are asked for. */
export async function telemetry(report: Report): Promise<void> {
  const asItIs = (watched: Watchers): Promise<Contestant> => inMemory(watched, {})
  report.table(await inPairs('In memory, as it is: JSON, dedup, publish awaited', asItIs, { events: 10_000, rounds: 15 }))
  const bare = (watched: Watchers): Promise<Contestant> => inMemory(watched, { codec: 'reference', dedup: false })
  report.table(await inPairs('In memory, codec: reference, dedup: false', bare, { events: 40_000, rounds: 11 }))
  await using server = new Server()
  const remote = (watched: Watchers): Promise<Contestant> => throughRedis(watched, server)
  report.table(await inPairs('Redis, 100 concurrent publishes, each handled', remote, { events: 2_000, rounds: 21 }))
}

/** Each beside the first and nobody else: buses that are only there poll, and fill the heap. */
async function inPairs(title: string, make: (watched: Watchers) => Promise<Contestant>, rounds: Rounds): Promise<Table> {
  const [unwatched, ...others] = watchers()
  const results: Result[] = []
  for (const other of others) {
    const pair = await Promise.all([unwatched as Watchers, other].map(make))
    const { results: two } = await compare(title, pair, rounds)
    results.push(...(results.length === 0 ? two : two.slice(1)))
  }
  return { title, results }
}
