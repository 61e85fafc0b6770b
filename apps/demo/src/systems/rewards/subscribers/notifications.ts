import type { IEventBus, Subscription } from 'interline'
import { type EscrowPartialSettledEvent, type EscrowSettledEvent, WalletEventType } from '../events/wallet-events.js'

export interface Notification {
  readonly recipientId: string
  readonly template: 'earnings_received'
  readonly variables: { readonly amount: number; readonly timestamp: Date; readonly transactionId: string }
}

export interface NotificationService {
  send(notification: Notification): Promise<void>
}

/** Models hear of what they earned. */
export function subscribeNotifications(bus: IEventBus, service: NotificationService): Promise<Subscription> {
  return bus.subscribe({
    subscriberId: 'notification-service',
    eventTypes: [WalletEventType.ESCROW_SETTLED, WalletEventType.ESCROW_PARTIAL_SETTLED],
    handler: async (event: EscrowSettledEvent | EscrowPartialSettledEvent) => {
      const { timestamp, transactionId } = event
      const amount = 'settledAmount' in event ? event.settledAmount : event.amount
      await service.send({ recipientId: event.modelId, template: 'earnings_received', variables: { amount, timestamp, transactionId } })
    },
    priority: 20,
  })
}
