import type { WireMessage } from '@interline/core'

/** A message of `orders` to recognise by its number, as core would hand it to a broker. A `key` in `more` is its partition key too. */
export function numberedMessage(n: number, more: Partial<WireMessage> = {}): WireMessage {
  const key = more.key
  return {
    destination: 'orders',
    topic: 'orders.created',
    key,
    attributes: {
      id: `event-${n}`,
      source: '/test',
      specversion: '1.0',
      type: 'OrderCreated',
      topic: 'orders.created',
      ...(key === undefined ? {} : { partitionkey: key }),
    },
    data: JSON.stringify({ n }),
    ...more,
  }
}

/** The number of a message that `numberedMessage` made, where a broker delivered it. */
export function numberOf(delivery: { readonly message: WireMessage }): number {
  return (JSON.parse(delivery.message.data as string) as { n: number }).n
}
