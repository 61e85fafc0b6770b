import type { IEventBus, Subscription } from 'interline'
import type { Query } from '../database.js'
import { type RewardEvent, WalletEventType } from '../events/wallet-events.js'

export interface ActivityEntry {
  readonly eventId: string
  readonly userId: string
  readonly eventType: string
  readonly timestamp: Date
  readonly metadata: { readonly amount: number; readonly reason: string; readonly transactionId: string }
}

/** What a user sees of an account, in the database: an event that comes again after a crash finds its entry there. */
export class ActivityFeedService {
  readonly #query: Query

  constructor(query: Query) {
    this.#query = query
  }

  async createEntry({ eventId, userId, eventType, timestamp, metadata }: ActivityEntry): Promise<void> {
    await this.#query(
      `INSERT INTO activity_feed (event_id, user_id, event_type, at, metadata) VALUES ($1, $2, $3, $4, $5::text::jsonb)
       ON CONFLICT DO NOTHING`,
      [eventId, userId, eventType, timestamp.toISOString(), JSON.stringify(metadata)],
    )
  }

  /** The operations that entries tell of, one for each entry. */
  async transactionIds(): Promise<readonly string[]> {
    const rows = await this.#query<{ id: string }>(`SELECT metadata ->> 'transactionId' AS id FROM activity_feed`)
    return rows.map(({ id }) => id)
  }
}

export function subscribeActivityFeed(bus: IEventBus, feed: ActivityFeedService): Promise<Subscription> {
  return bus.subscribe({
    subscriberId: 'activity-feed',
    eventTypes: [
      WalletEventType.ESCROW_HELD,
      WalletEventType.ESCROW_SETTLED,
      WalletEventType.ESCROW_REFUNDED,
      WalletEventType.ESCROW_PARTIAL_SETTLED,
    ],
    handler: async ({ eventId, userId, eventType, timestamp, amount, reason, transactionId }: RewardEvent) =>
      feed.createEntry({ eventId, userId, eventType, timestamp, metadata: { amount, reason, transactionId } }),
    priority: 10,
  })
}
