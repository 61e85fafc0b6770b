/** Which destination carries which type of event: what producers, relay and consumers agree on. */
export const eventBindings = {
  WalletCreatedEvent: 'wallet-created-events',
  FundsAddedEvent: 'funds-added-events',
  FundsTransferredEvent: 'funds-transferred-events',
  ExchangeRateChangedEvent: 'exchange-rate-changed-events',
} as const satisfies Readonly<Record<string, string>>
