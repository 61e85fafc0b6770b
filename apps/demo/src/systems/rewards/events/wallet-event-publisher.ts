import { AsyncLocalStorage } from 'node:async_hooks'
import type { BaseRewardEvent, FieldsOf } from './base-reward-event.js'
import { getEventBus } from './event-bus.js'
import {
  BalanceUpdatedEvent,
  EscrowHeldEvent,
  EscrowPartialSettledEvent,
  EscrowRefundedEvent,
  EscrowSettledEvent,
  LedgerEntryCreatedEvent,
} from './wallet-events.js'

const collected = new AsyncLocalStorage<BaseRewardEvent[]>()

/** Publishes into what `collect` has opened around the call, such as a transaction; elsewhere on the bus of the process. */
export const WalletEventPublisher = {
  publishEscrowHeld: (fields: FieldsOf<EscrowHeldEvent>): Promise<void> => publish(new EscrowHeldEvent(fields)),
  publishEscrowSettled: (fields: FieldsOf<EscrowSettledEvent>): Promise<void> => publish(new EscrowSettledEvent(fields)),
  publishEscrowRefunded: (fields: FieldsOf<EscrowRefundedEvent>): Promise<void> => publish(new EscrowRefundedEvent(fields)),
  publishEscrowPartialSettled: (fields: FieldsOf<EscrowPartialSettledEvent>): Promise<void> =>
    publish(new EscrowPartialSettledEvent(fields)),
  publishBalanceUpdated: (fields: FieldsOf<BalanceUpdatedEvent>): Promise<void> => publish(new BalanceUpdatedEvent(fields)),
  publishLedgerEntryCreated: (fields: FieldsOf<LedgerEntryCreatedEvent>): Promise<void> => publish(new LedgerEntryCreatedEvent(fields)),
} as const

/** What is published while this runs goes nowhere yet: it is answered, in its order, for an outbox. */
export async function collect(run: () => Promise<void>): Promise<readonly BaseRewardEvent[]> {
  const events: BaseRewardEvent[] = []
  await collected.run(events, run)
  return events
}

async function publish(event: BaseRewardEvent): Promise<void> {
  const events = collected.getStore()
  if (events === undefined) await getEventBus().publish(event)
  else events.push(event)
}
