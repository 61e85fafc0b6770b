import { AsyncLocalStorage } from 'node:async_hooks'
import { type AnyEvent, ConfigurationError } from '@interline/core'
import type { PostgresOutbox } from './postgres-outbox.js'

/** What use cases publish domain events by, without knowing of transactions. */
export interface DomainEventPublisher {
  /** Resolves when the event is written in the transaction at hand; it is published when that has committed. */
  publish(event: AnyEvent): Promise<void>
  publishAll(events: readonly AnyEvent[]): Promise<void>
}

/** Publishes into an outbox, in the transaction that the calling code runs in. */
export class OutboxEventPublisher<Transaction> implements DomainEventPublisher {
  readonly #outbox: PostgresOutbox<Transaction>
  readonly #current = new AsyncLocalStorage<{ readonly transaction: Transaction }>()

  constructor(outbox: PostgresOutbox<Transaction>) {
    this.#outbox = outbox
  }

  /** Runs in a new transaction, which is the one at hand for all that is called there. */
  transaction<T>(run: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#outbox.transaction((transaction) => this.within(transaction, () => run(transaction)))
  }

  /** Makes a transaction that was begun elsewhere the one at hand. */
  within<T>(transaction: Transaction, run: () => T): T {
    return this.#current.run({ transaction }, run)
  }

  publish(event: AnyEvent): Promise<void> {
    return this.publishAll([event])
  }

  async publishAll(events: readonly AnyEvent[]): Promise<void> {
    const current = this.#current.getStore()
    if (current === undefined) {
      throw new ConfigurationError(
        'There is no transaction at hand that the event could belong to. Publish inside of transaction(), or of within() where the transaction was begun elsewhere.',
      )
    }
    await this.#outbox.add(current.transaction, events)
  }
}
