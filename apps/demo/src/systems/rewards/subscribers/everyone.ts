import type { IEventBus } from 'interline'
import type { RewardsDatabase } from '../database.js'
import { BalanceSnapshotCache } from '../events/balance-snapshot-cache.js'
import { ActivityFeedService, subscribeActivityFeed } from './activity-feed.js'
import { subscribeAnalytics } from './analytics.js'
import { subscribeNotifications } from './notifications.js'

/** What each subscriber saw, as the transactions that its events told of. */
export interface Seen {
  readonly feed: readonly string[]
  readonly notified: readonly string[]
  readonly tracked: readonly string[]
}

export interface Everyone {
  readonly cache: BalanceSnapshotCache
  seen(): Promise<Seen>
}

/** Before the first operation: whoever subscribes later has missed something. */
export async function subscribeEveryone(bus: IEventBus, database: RewardsDatabase): Promise<Everyone> {
  const feed = new ActivityFeedService(database.query)
  const cache = new BalanceSnapshotCache({ enabled: true, maxSize: 10_000, ttlMs: 3_600_000 })
  const notified: string[] = []
  const tracked: string[] = []
  await Promise.all([
    cache.subscribe(bus),
    subscribeActivityFeed(bus, feed),
    subscribeNotifications(bus, { send: async ({ variables }) => void notified.push(variables.transactionId) }),
    subscribeAnalytics(bus, { track: async ({ transactionId }) => void tracked.push(transactionId) }),
  ])
  return { cache, seen: async () => ({ feed: await feed.transactionIds(), notified, tracked }) }
}
