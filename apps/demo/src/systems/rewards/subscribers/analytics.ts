import type { IEventBus, Subscription } from 'interline'
import { type RewardEvent, WalletEventType } from '../events/wallet-events.js'

export interface TrackedReward {
  readonly eventType: string
  readonly userId: string
  readonly amount: number
  readonly timestamp: Date
  readonly transactionId: string
}

export interface AnalyticsService {
  track(reward: TrackedReward): Promise<void>
}

/** After everybody else. */
export function subscribeAnalytics(bus: IEventBus, service: AnalyticsService): Promise<Subscription> {
  return bus.subscribe({
    subscriberId: 'analytics',
    eventTypes: [
      WalletEventType.ESCROW_HELD,
      WalletEventType.ESCROW_SETTLED,
      WalletEventType.ESCROW_REFUNDED,
      WalletEventType.ESCROW_PARTIAL_SETTLED,
    ],
    handler: async ({ eventType, userId, amount, timestamp, transactionId }: RewardEvent) =>
      service.track({ eventType, userId, amount, timestamp, transactionId }),
    priority: 50,
  })
}
