import type { ComponentHealth } from '@interline/core'
import { plain, type Statement } from '../database/statement.js'
import { entryState } from './entry-state.js'
import type { OutboxLink } from './outbox-link.js'
import type { Relay } from './relay/relay.js'

/** What waits, over all processes, and what this one has done. */
export interface OutboxMetrics {
  /** What was not sent yet, dead events not counted: `outbox.queue.size`. */
  readonly size: number
  /** Of these, what failed or waits behind what failed. */
  readonly held: number
  readonly dead: number
  /** How long the oldest of what was not sent has waited, 0 where nothing waits. */
  readonly oldestAgeMs: number
  /** How long what this process published last had waited. */
  readonly lagMs: number
  readonly published: number
  readonly failed: number
  /** Relays that are alive, over all processes. */
  readonly relays: number
  /** Destinations that take nothing, as far as this process knows. */
  readonly refused: readonly string[]
}

const warnAgeMs = 30_000

export class OutboxMonitor {
  readonly #link: OutboxLink
  readonly #count: Statement

  constructor(link: OutboxLink) {
    this.#link = link
    const { entries, relays } = link.names
    const { dead, ready } = entryState
    this.#count = plain(
      `SELECT count(*) FILTER (WHERE state <> ${dead})::int AS size, count(*) FILTER (WHERE state NOT IN (${ready}, ${dead}))::int AS held,
        count(*) FILTER (WHERE state = ${dead})::int AS dead,
        coalesce(extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE state <> ${dead})) * 1000, 0)::float8 AS age_ms,
        (SELECT count(*) FROM ${relays} WHERE until > clock_timestamp())::int AS relays
       FROM ${entries}`,
    )
  }

  async metrics(relay: Relay | undefined, signal?: AbortSignal): Promise<OutboxMetrics> {
    const [row] = await this.#link.read('count what waits in the outbox', (query) => query(this.#count, []), { signal })
    const [size, held, dead, age, relays] = (row as unknown[]).map(Number) as [number, number, number, number, number]
    const { lagMs, published, failed } = relay?.counts ?? { lagMs: 0, published: 0, failed: 0 }
    return { size, held, dead, oldestAgeMs: Math.max(0, age), lagMs, published, failed, relays, refused: relay?.refused ?? [] }
  }

  async health(relay: Relay | undefined, signal?: AbortSignal): Promise<ComponentHealth> {
    const { size, dead, oldestAgeMs, relays, refused } = await this.metrics(relay, signal)
    const observed = { observedValue: size, observedUnit: 'events that wait' }
    const complaints = [
      ...(refused.length > 0 ? [`These destinations take nothing: ${refused.join(', ')}. What is for them waits.`] : []),
      ...(relay?.trouble === undefined ? [] : [relay.trouble]),
      ...(oldestAgeMs > warnAgeMs ? [`The oldest event has waited for ${Math.round(oldestAgeMs / 1_000)} s.`] : []),
      ...(size > 0 && relays === 0 ? ['No relay is alive: start a bus with this outbox.'] : []),
      ...(dead > 0 ? [`${dead} events were given up: redrive or discard them.`] : []),
    ]
    if (complaints.length === 0) return { status: 'pass', ...observed }
    return { status: 'warn', output: complaints.join(' '), ...observed }
  }
}
