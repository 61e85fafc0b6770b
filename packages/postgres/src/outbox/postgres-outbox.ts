import {
  type Abortable,
  type AnyEvent,
  type CloseOptions,
  type ComponentHealth,
  ConfigurationError,
  destinationRule,
  type EventEncoding,
  type EventPriority,
  encodeEvents,
  eventEncoding,
  type ILogger,
  type IOutbox,
  type OutboxOutlet,
  toError,
  type WireMessage,
} from '@interline/core'
import type { Query } from '../database/database.js'
import { abortable } from '../database/failure.js'
import { Hints } from '../database/hints.js'
import { plain } from '../database/statement.js'
import { inTransaction } from '../libraries/in-transaction.js'
import type { UserDatabase } from '../libraries/user-database.js'
import { AcceptQueue } from './accept-queue.js'
import { DeadEntries } from './dead-entries.js'
import { checkTransaction, type Entry, EntryWriter, entryOf } from './entry-writer.js'
import { OutboxLink } from './outbox-link.js'
import { type OutboxMetrics, OutboxMonitor } from './outbox-metrics.js'
import { type PostgresOutboxOptions, type ResolvedOutboxOptions, resolveOutboxOptions } from './outbox-options.js'
import { Relay } from './relay/relay.js'

export interface AddOptions {
  /** What order is kept by, instead of the definition's key. */
  readonly key?: string | undefined
  /** Another topic than the definition's. */
  readonly topic?: string | undefined
  readonly priority?: EventPriority | undefined
  /** No handler sees it before this time. Only where the broker can; else it is given up when its turn comes. */
  readonly deliverAt?: Date | undefined
}

const pollMs = { hinted: 5_000, alone: 1_000 } as const

/** An outbox in the database of the user's own business data. */
export function postgresOutbox<Transaction>(
  database: UserDatabase<Transaction>,
  options?: PostgresOutboxOptions,
): PostgresOutbox<Transaction> {
  return new PostgresOutbox(database, options)
}

/**
 * Events that are committed with what they tell of, or not at all: `add` writes them within the transaction of the user's own, and the bus
 * that has this outbox publishes them afterwards, in the order of each key, once or, after a crash, again under the same event ids.
 *
 * Events of one key that are added by transactions beside each other have the order of their adding. Where that must be the order of their
 * commits, lock what the key stands for (its row) before adding.
 */
export class PostgresOutbox<Transaction> implements IOutbox, AsyncDisposable {
  readonly name = 'postgres'
  /** What the relay gave up. */
  readonly dead: DeadEntries
  readonly #database: UserDatabase<Transaction>
  readonly #options: ResolvedOutboxOptions
  readonly #link: OutboxLink
  readonly #writer: EntryWriter
  readonly #accepting: AcceptQueue
  readonly #monitor: OutboxMonitor
  #logger: Pick<ILogger, 'warn'>
  #encoding: EventEncoding
  #relay: Relay | undefined
  #hints: Hints | undefined
  #closing: Promise<void> | undefined

  constructor(database: UserDatabase<Transaction>, options: PostgresOutboxOptions = {}) {
    this.#options = resolveOutboxOptions(database, options)
    this.#database = database
    this.#logger = this.#options.logger ?? toConsole
    this.#link = new OutboxLink(database as UserDatabase<never>, this.#options, { warn: (...words) => this.#logger.warn(...words) })
    this.#writer = new EntryWriter(this.#link.names, this.#options.hints)
    this.#accepting = new AcceptQueue((entries) => this.#write(entries))
    this.#monitor = new OutboxMonitor(this.#link)
    this.dead = new DeadEntries(this.#link, () => this.#relay?.wake())
    const { service, destinations, keyStore } = this.#options
    this.#encoding = eventEncoding({ defaults: { source: service }, destinationOf: destinationRule(destinations), keyStore })
  }

  /** Makes missing tables. Once at the start and outside of a transaction; a bus that has this outbox does it when it starts. */
  connect(options?: Abortable): Promise<void> {
    return this.#link.connect(options)
  }

  /**
   * Adds events to the user's own transaction: validated, stamped and encoded as the bus would. All or none; rejects before anything was
   * written where one of them is wrong. Inside a handler they belong to the event at hand, as what it publishes does.
   */
  async add(transaction: Transaction, events: AnyEvent | readonly AnyEvent[], options: AddOptions = {}): Promise<void> {
    checkTransaction(this.#database, transaction, 'outbox.add')
    const list = Array.isArray(events) ? (events as readonly AnyEvent[]) : [events as AnyEvent]
    if (list.length === 0) return
    const messages = await encodeEvents(list, this.#encoding, 'Nothing was added to the outbox', options)
    const deliverAt = options.deliverAt?.getTime()
    if (deliverAt !== undefined && Number.isNaN(deliverAt)) {
      throw new ConfigurationError('deliverAt is no valid date; give a Date, or leave it out to deliver at once.')
    }
    const entries = messages.map((message) => entryOf(deliverAt === undefined ? message : { ...message, deliverAt }))
    const ask = (text: string, values: readonly (string | number | boolean | null)[]): Promise<unknown> =>
      inTransaction(this.#database, transaction, 'Adding to the outbox', text, values)
    await this.#writer.write(ask, entries)
    this.#relay?.expect()
  }

  /** Runs in a transaction of the user's library, as the library itself would. */
  transaction<T>(run: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#database.transaction(run)
  }

  async accept(messages: readonly WireMessage[], { signal }: Abortable = {}): Promise<void> {
    await abortable(this.#accepting.add(messages.map(entryOf), signal), signal)
  }

  encodeAs(encoding: EventEncoding): void {
    this.#encoding = encoding
  }

  async start(outlet: OutboxOutlet, { signal }: Abortable = {}): Promise<void> {
    this.#logger = this.#options.logger ?? outlet.logger
    await this.#link.connect({ signal })
    if (!this.#options.relay || this.#relay !== undefined) return
    const listening = this.#options.hints && this.#link.database?.listen !== undefined
    const relay = new Relay({
      link: this.#link,
      outlet,
      options: this.#options,
      logger: this.#logger,
      pollMs: this.#options.pollMs ?? (listening ? pollMs.hinted : pollMs.alone),
    })
    await relay.start()
    this.#relay = relay
    if (!listening) return
    this.#hints = new Hints(this.#link)
    this.#hints.listen(() => relay.wake())
  }

  async passed(): Promise<void> {
    await this.#relay?.passed()
  }

  async pending({ signal }: Abortable = {}): Promise<boolean> {
    return (await this.getMetrics({ signal })).size > 0
  }

  getMetrics({ signal }: Abortable = {}): Promise<OutboxMetrics> {
    return this.#monitor.metrics(this.#relay, signal)
  }

  async health({ signal }: Abortable = {}): Promise<ComponentHealth> {
    try {
      return await this.#monitor.health(this.#relay, signal)
    } catch (thrown) {
      return { status: 'fail', output: toError(thrown).message }
    }
  }

  async stop(_options?: CloseOptions): Promise<void> {
    const [relay, hints] = [this.#relay, this.#hints]
    this.#relay = undefined
    this.#hints = undefined
    await Promise.all([hints?.stop(), relay?.stop()])
  }

  /** What it opened itself is closed; the user's database stays as it is. */
  close(): Promise<void> {
    this.#closing ??= this.stop().then(() => this.#link.close())
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** In a transaction of their own. */
  async #write(entries: readonly Entry[]): Promise<void> {
    await this.#link.connect()
    // What never has its answer, as on a connection that is half open, would keep its keys waiting.
    const inTime = { timeoutMs: this.#options.connection.commandTimeoutMs }
    const write = (query: Query): Promise<void> => this.#writer.write((text, values) => query(plain(text), values, inTime), entries)
    await this.#link.database?.transaction(write, inTime)
    this.#relay?.wake()
  }
}

const toConsole: Pick<ILogger, 'warn'> = {
  warn: (message, fields) => console.warn(message, ...(fields === undefined ? [] : [fields])),
}
