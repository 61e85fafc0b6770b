import { OutboxEventPublisher, PostgresDeadLetterStore } from '@interline/postgres'
import { sql } from 'drizzle-orm'
import { createBus, type HealthReport, type IEventBus, Reject } from 'interline'
import { type Books, readBooks } from './books.js'
import type { Carrier } from './carrier.js'
import type { Database, Outbox, Transaction } from './database.js'
import { eventBindings } from './event-bindings.js'
import { ExchangeRateChangedEvent, FundsTransferredEvent } from './events.js'
import { Monitoring } from './monitoring.js'
import { outboxOf } from './outbox-worker.js'
import { AddFundsUseCase, CreateWalletUseCase, type Transfer, TransferFundsUseCase, transferTable } from './use-cases.js'
import { WalletRepository, walletTable } from './wallet-repository.js'

/** The document's table, for people and their tools. */
const outboxView = `CREATE OR REPLACE VIEW outbox AS
  SELECT id, event_type, payload, correlation_id, created_at, sent FROM interline_outbox_events`

/** The wallet service: use cases that change wallets and add events, and the consumer that finishes a transfer. */
export class WalletHub {
  readonly createWallet: CreateWalletUseCase
  readonly addFunds: AddFundsUseCase
  readonly transferFunds: TransferFundsUseCase
  readonly bus: IEventBus
  readonly monitoring: Monitoring
  readonly #database: Database
  readonly #outbox: Outbox
  readonly #publisher: OutboxEventPublisher<Transaction>
  readonly #wallets: WalletRepository
  readonly #letters: PostgresDeadLetterStore

  constructor(broker: Carrier, database: Database, checkFraud: (transfer: Transfer) => void) {
    const { client, schema } = database
    this.#database = database
    this.#outbox = outboxOf(database, false)
    this.#publisher = new OutboxEventPublisher(this.#outbox)
    this.#wallets = new WalletRepository(this.#publisher)
    this.#letters = new PostgresDeadLetterStore({ client, schema, table: 'hub_dead_letters' })
    this.createWallet = new CreateWalletUseCase(this.#publisher, this.#wallets)
    this.addFunds = new AddFundsUseCase(this.#publisher, this.#wallets)
    this.transferFunds = new TransferFundsUseCase(this.#publisher, this.#wallets, checkFraud)
    this.monitoring = new Monitoring({ 'outbox.queue.size': async (options) => (await this.#outbox.getMetrics(options)).size })
    this.bus = createBus({
      service: 'wallet-hub',
      broker,
      outbox: this.#outbox,
      deadLetters: this.#letters,
      destinations: eventBindings,
      // the inbox is what keeps a transfer from being made twice
      dedup: false,
      instrumentation: this.monitoring.instrumentation,
    })
  }

  async start(): Promise<void> {
    await this.#outbox.connect()
    await this.#database.make([walletTable, transferTable, outboxView])
    const options = { name: 'FundsTransferredEventConsumer', from: 'earliest', inbox: this.#database.inbox } as const
    await this.bus.subscribe(FundsTransferredEvent, (event, { tx }) => this.#receive(event, tx), options)
    await this.bus.start()
  }

  /** As a feed brings them: many at once. */
  async changeRates(rates: readonly (readonly [currency: string, rate: number])[]): Promise<void> {
    const events = rates.map(([currency, rate]) => new ExchangeRateChangedEvent(currency, rate))
    await this.#publisher.transaction(() => this.#publisher.publishAll(events))
  }

  /** Transfers that were sent go out once more, under their ids: as from a relay that died before it could say what it had sent. */
  async sendAgain(count: number): Promise<number> {
    const sent = await this.#database.rows<{ id: string; payload: string }>(sql`SELECT event_id AS id, payload
      FROM interline_outbox_events WHERE sent AND event_type = 'FundsTransferredEvent' LIMIT ${count}`)
    const again = sent.map(({ id, payload }) => {
      const { walletId, toWalletId, amount } = JSON.parse(payload) as FundsTransferredEvent
      return new FundsTransferredEvent(walletId, toWalletId, amount, { eventId: id })
    })
    await this.bus.publishBatch(again)
    return again.length
  }

  /** Events in the outbox that were not sent yet. */
  async waiting(): Promise<number> {
    return (await this.#outbox.getMetrics()).size
  }

  books(): Promise<Books> {
    return readBooks(this.#database)
  }

  alertsAfter(laterMs: number): Promise<readonly string[]> {
    return this.monitoring.alertsAfter(laterMs)
  }

  health(): Promise<HealthReport> {
    return this.monitoring.health(this.bus, this.#database.checks)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bus.close()
    await this.#outbox.close()
  }

  async #receive({ toWalletId, amount }: FundsTransferredEvent, transaction: Transaction): Promise<void> {
    const wallet = await this.#wallets.find(transaction, toWalletId)
    if (wallet === undefined) throw new Reject(`There is no wallet "${toWalletId}" that the money could go to.`)
    wallet.receive(amount)
    await this.#publisher.within(transaction, () => this.#wallets.save(transaction, wallet))
  }
}
