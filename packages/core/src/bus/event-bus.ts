import { ProcessIdempotencyStore } from '../delivery/process-idempotency-store.js'
import { ConfigurationError } from '../errors.js'
import type { EventEnvelope } from '../event/event-model.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IBroker } from '../ports/broker.js'
import type { WireMessage } from '../ports/message.js'
import { changed } from '../wire/changed-message.js'
import type { WireFormat } from '../wire/wire-format.js'
import { BusCore } from './bus-core.js'
import type { DeadLetterPlace } from './dead-letters.js'
import { checkBroker, defaults, type EventBusOptions, formatFor } from './options.js'
import { Side } from './side.js'
import type { AcceptedFirst } from './stored-publishing.js'

/** A bus over one broker. */
export class EventBus extends BusCore {
  readonly #side: Side
  protected readonly format: WireFormat
  readonly #waits: boolean

  constructor(options: EventBusOptions) {
    const { broker, codec, ...common } = options
    checkBroker('broker', broker)
    super(common)
    if (codec === 'reference' && (options.store ?? options.outbox) !== undefined) {
      throw new ConfigurationError(
        `codec: 'reference' carries events as they are, and a store or outbox keeps text. Leave out one of the two.`,
      )
    }
    if (options.waitForHandlers === true && !broker.capabilities.local) {
      throw new ConfigurationError(
        `waitForHandlers: handlers of the ${broker.name} broker run in any process, and none can wait for them. Leave it out, or use a memory broker.`,
      )
    }
    this.#waits = options.waitForHandlers === true
    this.format = formatFor(codec, broker)
    this.#side = new Side({
      broker,
      format: this.format,
      clock: this.clock,
      hooks: this.hooks,
      logger: this.logger,
      publish: this.publishFrom,
      closing: this.closing.signal,
      deadLetters: options.deadLetters,
      parking: options.parking,
      encryption: this.encryption,
      parkAfterMs: options.parkAfterMs ?? defaults.parkAfterMs,
      idempotency: options.idempotency ?? broker.idempotency ?? new ProcessIdempotencyStore({ clock: this.clock }),
      dedupTtlMs: options.dedup === false ? undefined : (options.dedup?.ttlMs ?? defaults.dedupTtlMs),
      window: options.window ?? defaults.window,
      connectTimeoutMs: options.connectTimeoutMs ?? defaults.connectTimeoutMs,
      echoOf: undefined,
    })
    const { retry, deadLetter, deadLetters } = options
    const demands = {
      retry: retry !== undefined && retry.maxAttempts !== 1,
      deadLetter: deadLetters !== undefined || deadLetter?.enabled === true,
      deadLetterAddress: deadLetter?.exchange !== undefined,
    }
    this.#side.broker.checkFailure(demands, deadLetters !== undefined)
    this.sides = [this.#side]
  }

  getBroker(): IBroker {
    return this.#side.broker.inner
  }

  protected send(
    envelopes: readonly EventEnvelope[],
    deliverAt: number | undefined,
    signal: AbortSignal | undefined,
    wait: boolean,
  ): Awaitable<void> {
    const only = envelopes.length === 1 ? envelopes[0] : undefined
    const messages = only === undefined ? envelopes.map((envelope) => this.#encode(envelope, deliverAt)) : [this.#encode(only, deliverAt)]
    if (this.stored !== undefined) return this.#store(this.stored, messages, signal, wait)
    return wait && this.#side.local ? this.#side.publishAndWait(messages, signal) : this.#side.publish(messages, signal)
  }

  protected carrierOf(): string {
    return this.#side.broker.name
  }

  protected async forward(messages: readonly WireMessage[]): Promise<void> {
    await (this.#waits && this.#side.local ? this.#side.publishAndWait(messages, undefined) : this.#side.publish(messages, undefined))
  }

  async #store(stored: AcceptedFirst, messages: readonly WireMessage[], signal: AbortSignal | undefined, wait: boolean): Promise<void> {
    for (const message of messages) this.#side.broker.check(message)
    await stored.append(messages, true, signal)
    if (wait) await stored.forwarded()
  }

  protected async deadLetterPlace(): Promise<DeadLetterPlace> {
    await this.#side.broker.connect()
    return this.#side.deadLetterPlace()
  }

  #encode(envelope: EventEnvelope, deliverAt: number | undefined): WireMessage {
    const message = this.format.encode(envelope, this.destinationOf(envelope.topic, envelope.model.type))
    return deliverAt === undefined ? message : changed(message, { deliverAt })
  }
}
