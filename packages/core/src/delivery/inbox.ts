import type { HandlerFunction } from '../bus/subscribe-options.js'
import type { EventMetadata } from '../event/metadata.js'
import type { IInbox, InboxEntry } from '../ports/inbox.js'
import type { DeliveryContext } from './context.js'
import type { HandlerContext } from './subscriber.js'

/** What an inbox remembers of an event: its id, and its idempotency key where it has one. */
export function inboxEntry(consumer: string, type: string, { source, eventId, idempotencyKey }: InboxIdentity): InboxEntry {
  const byId = `${source}\n${eventId}`
  return { consumer, keys: idempotencyKey === undefined ? [byId] : [byId, `${type}\n#${idempotencyKey}`] }
}

export type InboxIdentity = Pick<EventMetadata, 'source' | 'eventId' | 'idempotencyKey'>

/** A handler whose effects are in one transaction with the memory of them. */
export function inInbox(inbox: IInbox, run: HandlerFunction<object>): HandlerFunction<object> {
  return function throughInbox(event: object, context: HandlerContext): Promise<unknown> {
    const delivery = context as DeliveryContext
    const entry = inboxEntry(`${context.group}\n${context.handler}`, delivery.eventType, delivery.metadata)
    const work = async (transaction: unknown): Promise<void> => {
      delivery.tx = transaction
      try {
        await run(event, context)
      } finally {
        delivery.tx = undefined
      }
    }
    return inbox.handleOnce(entry, work, { signal: context.signal })
  }
}
