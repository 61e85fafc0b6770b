import { PGlite } from '@electric-sql/pglite'
import { type PostgresOutbox, postgresOutbox } from '@interline/postgres'
import { createBus, type IEventBus } from 'interline'
import type { Carrier } from './carrier.js'
import type { Database, Outbox, Transaction } from './database.js'
import { eventBindings } from './event-bindings.js'
import { Monitoring } from './monitoring.js'

/** How soon another relay takes over from one that died. */
const leaseMs = 1_000
/** What was sent stays in the view for the length of a run. */
const keepSentMs = 3_600_000

/** An embedded database tells nobody that something is new in it. */
const embeddedPollMs = 50

export function outboxOf({ client, transactions, schema }: Database, relay: boolean): Outbox {
  const pollMs = client instanceof PGlite ? embeddedPollMs : undefined
  return postgresOutbox(transactions, { schema, relay, leaseMs, keepSentMs, pollMs })
}

/** Publishes what waits in the outbox, in whichever process it runs. */
export class OutboxWorker {
  readonly #outbox: PostgresOutbox<Transaction>
  readonly #broker: Carrier
  readonly #monitoring = new Monitoring()
  #bus: IEventBus | undefined

  constructor(broker: Carrier, database: Database) {
    this.#broker = broker
    this.#outbox = outboxOf(database, true)
  }

  async start(): Promise<void> {
    const { instrumentation } = this.#monitoring
    this.#bus = createBus({
      service: 'outbox-worker',
      broker: this.#broker,
      outbox: this.#outbox,
      destinations: eventBindings,
      instrumentation,
    })
    await this.#bus.start()
  }

  /** From now on events wait in their table. */
  async stop(): Promise<void> {
    await this.#bus?.close()
  }

  async published(): Promise<number> {
    return this.#monitoring.counted('events.published.total')
  }

  async close(): Promise<void> {
    await this.stop()
    await this.#outbox.close()
  }
}
