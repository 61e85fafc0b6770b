import { BusMetrics } from '@interline/telemetry'
import { createBus, type IBroker, type IEventBus, type IOutbox } from 'interline'
import type { BrokerChoice } from '../../places/choices.js'
import { carriage } from './events/event-bus.js'

const hourMs = 3_600_000

/** The configuration of `getEventBus`, on any broker, and with the outbox of the wallets. */
export function createRewardsBus(broker: BrokerChoice | IBroker, outbox: IOutbox, metrics: BusMetrics): IEventBus {
  return createBus({
    ...carriage,
    broker,
    outbox,
    dedup: { ttlMs: hourMs },
    retry: { maxAttempts: 4, backoff: { type: 'fixed', delayMs: 1_000, jitter: 0 } },
    instrumentation: metrics,
  })
}

/** What every bus counts, and two names of the wallets' own. */
export function rewardsMetrics(): BusMetrics {
  return new BusMetrics({
    counters: [
      { name: 'WALLET_EVENT_PUBLISHED', counts: 'published', topic: '*' },
      { name: 'WALLET_EVENT_PUBLISH_ERROR', counts: 'publish-failed', topic: '*' },
    ],
  })
}

/** A counter over all its labels. */
export function counted(metrics: BusMetrics, name: string): number {
  return metrics
    .families()
    .filter((family) => family.definition.name === name)
    .flatMap((family) => (family.kind === 'histogram' ? [] : family.points))
    .reduce((sum, { value }) => sum + value, 0)
}
