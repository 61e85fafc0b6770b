import { DomainEvent, type EventMetadata } from 'interline'

type Given = Partial<EventMetadata> | undefined

/** Somebody has a new wallet. */
export class WalletCreatedEvent extends DomainEvent {
  readonly eventType = 'WalletCreatedEvent'
  readonly topic = 'wallets.created'

  constructor(
    readonly walletId: string,
    readonly name: string,
    readonly userId: string,
    metadata?: Given,
  ) {
    super({ ...metadata, aggregateId: walletId })
  }
}

/** Money came in from outside. */
export class FundsAddedEvent extends DomainEvent {
  readonly eventType = 'FundsAddedEvent'
  readonly topic = 'wallets.funds-added'

  constructor(
    readonly walletId: string,
    readonly amount: number,
    metadata?: Given,
  ) {
    super({ ...metadata, aggregateId: walletId })
  }
}

/** Money left one wallet; whoever handles this adds it to the other. */
export class FundsTransferredEvent extends DomainEvent {
  readonly eventType = 'FundsTransferredEvent'
  readonly topic = 'wallets.funds-transferred'

  constructor(
    readonly walletId: string,
    readonly toWalletId: string,
    readonly amount: number,
    metadata?: Given,
  ) {
    super({ ...metadata, aggregateId: walletId })
  }
}

/** What a currency costs from now on. */
export class ExchangeRateChangedEvent extends DomainEvent {
  readonly eventType = 'ExchangeRateChangedEvent'
  readonly topic = 'rates.changed'

  constructor(
    readonly currency: string,
    readonly rate: number,
    metadata?: Given,
  ) {
    super({ ...metadata, aggregateId: currency })
  }
}
