import { DomainEvent } from 'interline'
import type { WalletEventType } from './wallet-events.js'

type Given = object & { readonly idempotencyKey: string; readonly correlationId?: string | undefined }

/** What happened is the event's own fields. What describes it is its metadata, which it answers for as well. */
export abstract class BaseRewardEvent extends DomainEvent {
  declare readonly eventType: WalletEventType

  /** Events of one wallet keep their order. */
  constructor(walletId: string, { idempotencyKey, correlationId, ...fields }: Given) {
    super({ aggregateId: walletId, idempotencyKey, ...(correlationId === undefined ? {} : { correlationId }) })
    Object.assign(this, fields)
  }

  get idempotencyKey(): string | undefined {
    return this.metadata.idempotencyKey
  }

  get source(): string {
    return this.metadata.source
  }
}

/** What an event is made of. */
export type FieldsOf<Event extends BaseRewardEvent> = Omit<Event, keyof BaseRewardEvent> & Pick<Given, 'idempotencyKey' | 'correlationId'>
