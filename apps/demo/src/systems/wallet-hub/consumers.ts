import { PostgresDeadLetterStore } from '@interline/postgres'
import { CircuitBreaker, createBus, type HealthReport, type IEventBus, type Subscription } from 'interline'
import type { Carrier } from './carrier.js'
import { ClearingHouse } from './clearing-house.js'
import type { Database } from './database.js'
import { type EffectReport, effectTables, reportEffects, sendWelcomeNotification, writeStatement } from './effects.js'
import { eventBindings } from './event-bindings.js'
import { ExchangeRateChangedEvent, FundsAddedEvent, FundsTransferredEvent, WalletCreatedEvent } from './events.js'
import { Monitoring } from './monitoring.js'

/** Failures in a row that open the breaker, and how long it then stays open. */
export const breaker = { failures: 5, openMs: 50 } as const
/** For as long as the clearing house may be away: each try is an attempt of an event. */
const patience = { retry: { maxAttempts: 1_000, backoff: { type: 'fixed', delayMs: 20 } } } as const

export interface ConsumerReport extends EffectReport {
  /** What each currency costs. */
  readonly rates: Readonly<Record<string, number>>
  /** Calls that the clearing house refused, and how often one was let through to see whether it is back. */
  readonly refused: number
  readonly probes: number
  readonly consumed: number
  /** Traces that runs of handlers in this process belong to. */
  readonly runTraces: number
}

/** Everybody else who wants to know of wallets: notifications, statements, settlements and rates. */
export class Consumers {
  readonly #database: Database
  readonly #monitoring = new Monitoring()
  readonly #clearingHouse: ClearingHouse
  readonly #breaker: CircuitBreaker
  readonly #bus: IEventBus
  readonly #rates = new Map<string, number>()
  #rateFeed: Subscription | undefined
  #probes = 0

  constructor(broker: Carrier, database: Database) {
    const { client, schema } = database
    this.#database = database
    this.#clearingHouse = new ClearingHouse(database)
    this.#breaker = new CircuitBreaker({
      name: 'clearing-house',
      ...breaker,
      onChange: (state) => void (state === 'half-open' && this.#probes++),
    })
    this.#bus = createBus({
      service: 'wallet-consumers',
      broker,
      destinations: eventBindings,
      deadLetters: new PostgresDeadLetterStore({ client, schema, table: 'consumer_dead_letters' }),
      // the inbox is what keeps an effect from being there twice
      dedup: false,
      instrumentation: this.#monitoring.instrumentation,
    })
  }

  async start(): Promise<void> {
    await this.#database.make(effectTables)
    await this.#subscribe()
    await this.#bus.start()
  }

  async openClearingHouse(isOpen: boolean): Promise<void> {
    this.#clearingHouse.isOpen = isOpen
  }

  async listenToRates(listens: boolean): Promise<void> {
    if (listens) this.#rateFeed?.resume()
    else this.#rateFeed?.pause()
  }

  alertsAfter(laterMs: number): Promise<readonly string[]> {
    return this.#monitoring.alertsAfter(laterMs)
  }

  health(): Promise<HealthReport> {
    const circuit = async () => {
      const { state } = this.#breaker
      return { status: state === 'closed' ? 'pass' : 'warn', observedValue: state } as const
    }
    return this.#monitoring.health(this.#bus, { ...this.#database.checks, 'clearing-house:circuit': circuit })
  }

  async report(): Promise<ConsumerReport> {
    return {
      ...(await reportEffects(this.#database)),
      rates: Object.fromEntries(this.#rates),
      refused: this.#clearingHouse.refused,
      probes: this.#probes,
      consumed: this.#monitoring.counted('events.consumed.total'),
      runTraces: this.#monitoring.traceIds('process ').length,
    }
  }

  close(): Promise<void> {
    return this.#bus.close()
  }

  async #subscribe(): Promise<void> {
    const bus = this.#bus
    const { inbox } = this.#database
    const from = 'earliest'
    await bus.subscribe(WalletCreatedEvent, (event, { tx }) => sendWelcomeNotification(tx, event), {
      name: 'WalletCreatedEventConsumer',
      from,
      inbox,
    })
    await bus.subscribe([FundsAddedEvent, FundsTransferredEvent], (event, { tx, trace }) => writeStatement(tx, event, trace), {
      name: 'StatementConsumer',
      from,
      inbox,
    })
    // in groups of their own: what waits for the clearing house, or is paused, holds up nobody else
    await bus.subscribe(FundsTransferredEvent, ({ eventId }) => this.#clearingHouse.settle(eventId), {
      name: 'SettlementConsumer',
      group: 'settlements',
      from,
      concurrency: 1,
      failure: patience,
      flow: { circuitBreaker: this.#breaker },
    })
    this.#rateFeed = await bus.subscribe(ExchangeRateChangedEvent, ({ currency, rate }) => void this.#rates.set(currency, rate), {
      name: 'ExchangeRateConsumer',
      group: 'rates',
      from,
    })
  }
}
