import type { Position, ResolvedRetention, RetentionPass } from '@interline/core'
import type { EventFetcher } from './event-fetcher.js'
import type { LogEntry } from './log-entry.js'
import type { LogReader } from './log-reader.js'
import type { StoreCheckpoints } from './store-checkpoints.js'
import type { StoreLink } from './store-link.js'
import type { Traces } from './traces.js'

export interface RetentionParts {
  readonly link: StoreLink
  readonly log: LogReader
  readonly fetcher: EventFetcher
  readonly traces: Traces
  readonly checkpoints: StoreCheckpoints
}

const pageSize = 100

/** One pass: gives up the oldest events beyond what the options keep. */
export async function removeOldEvents(parts: RetentionParts, { maxEvents, maxAgeMs, unread }: ResolvedRetention): Promise<RetentionPass> {
  const { link, log, fetcher, traces, checkpoints } = parts
  await traces.sweep()
  let kept = await link.read('count events', (client) => client.xlen(link.keys.log))
  const oldest = (await serverTime(link)) - maxAgeMs
  const slowest = unread === 'remove' ? undefined : await checkpoints.slowest()
  const readTo = slowest === undefined ? Number.POSITIVE_INFINITY : number(slowest.position)
  const streams = new Set<string>()
  let events = 0
  let heldBackBy: string | undefined
  for (let after: string | undefined = '0'; after !== undefined; ) {
    const page = await log.page(after, pageSize, undefined)
    const excess = kept - maxEvents
    const gone = leading(page.entries, (entry, index) => index < excess || entry.recordedAt <= oldest)
    const free = leading(gone, ({ position }) => Number(position) <= readTo)
    if (free.length < gone.length) heldBackBy = slowest?.name
    if (free.length === 0) break
    await traces.remove(free, await fetcher.fetch(free, undefined))
    for (const { stream } of free) streams.add(stream)
    events += free.length
    kept -= free.length
    after = free.length < page.entries.length ? undefined : page.next
  }
  return { events, streams: streams.size, heldBackBy }
}

async function serverTime(link: StoreLink): Promise<number> {
  const [seconds, microseconds] = await link.read('tell the time', (client) => client.time())
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000)
}

function number(position: Position): number {
  return Number(position)
}

function leading(entries: readonly LogEntry[], test: (entry: LogEntry, index: number) => boolean): readonly LogEntry[] {
  const end = entries.findIndex((entry, index) => !test(entry, index))
  return end === -1 ? entries : entries.slice(0, end)
}
