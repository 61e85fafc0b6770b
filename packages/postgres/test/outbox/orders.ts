import { defineEvent, type EventDefinition, staticSchema } from '@interline/core'

export interface Order {
  readonly orderId: string
  readonly note?: string | undefined
  readonly total?: number | undefined
}

export const OrderCreated: EventDefinition<'test.outbox.OrderCreated', Order> = defineEvent('test.outbox.OrderCreated', {
  topic: 'orders.created',
  schema: staticSchema<Order>(),
  key: ({ orderId }) => orderId,
})
