import { after } from '../awaitable.js'
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
import { type CommonBusOptions, checkBroker, defaults, formatFor } from './options.js'
import { DefaultRoutingStrategy, type IRoutingStrategy, type Route } from './routing.js'
import { Side } from './side.js'

export interface HybridEventBusOptions extends CommonBusOptions {
  /** A broker that stays in the process. */
  readonly localBroker: IBroker
  readonly remoteBroker: IBroker
  /** Default: critical and high events go both ways, others to the remote broker. */
  readonly routingStrategy?: IRoutingStrategy | undefined
}

/**
 * A bus over a local and a remote broker. `both` means: the remote broker accepts first, then broadcast subscriptions of this process
 * see the event at once and skip its echo; all others get the remote copy only. So no handler sees an event twice, and none is lost.
 */
export class HybridEventBus extends BusCore {
  readonly #local: Side
  readonly #remote: Side
  readonly #strategy: IRoutingStrategy
  /** Known before an event is sent, where somebody watches that. */
  readonly #decided = new WeakMap<EventEnvelope, Route>()
  protected readonly format: WireFormat

  constructor(options: HybridEventBusOptions) {
    const { localBroker, remoteBroker, routingStrategy, ...common } = options
    checkBroker('localBroker', localBroker)
    checkBroker('remoteBroker', remoteBroker)
    if (!localBroker.capabilities.local) {
      throw new ConfigurationError(
        `localBroker must stay in the process, and ${localBroker.name} does not. Give a MemoryBroker, and this one as remoteBroker.`,
      )
    }
    super(common)
    this.#strategy = routingStrategy ?? new DefaultRoutingStrategy()
    this.format = formatFor(options.codec, remoteBroker)
    const shared = {
      format: this.format,
      clock: this.clock,
      hooks: this.hooks,
      logger: this.logger,
      publish: this.publishFrom,
      closing: this.closing.signal,
      dedupTtlMs: options.dedup === false ? undefined : (options.dedup?.ttlMs ?? defaults.dedupTtlMs),
      window: options.window ?? defaults.window,
      encryption: this.encryption,
      parkAfterMs: options.parkAfterMs ?? defaults.parkAfterMs,
      connectTimeoutMs: options.connectTimeoutMs ?? defaults.connectTimeoutMs,
    }
    const remembered = (): ProcessIdempotencyStore => new ProcessIdempotencyStore({ clock: this.clock })
    // what stays in the process is remembered there, and its dead letters too: neither outlives it
    this.#local = new Side({
      ...shared,
      broker: localBroker,
      deadLetters: undefined,
      parking: undefined,
      idempotency: localBroker.idempotency ?? remembered(),
      echoOf: undefined,
    })
    this.#remote = new Side({
      ...shared,
      broker: remoteBroker,
      deadLetters: options.deadLetters,
      parking: options.parking,
      idempotency: options.idempotency ?? remoteBroker.idempotency ?? remembered(),
      echoOf: this.instance,
    })
    this.sides = [this.#local, this.#remote]
  }

  /** The remote one. */
  getBroker(): IBroker {
    return this.#remote.broker.inner
  }

  getLocalBroker(): IBroker {
    return this.#local.broker.inner
  }

  protected send(
    envelopes: readonly EventEnvelope[],
    deliverAt: number | undefined,
    signal: AbortSignal | undefined,
    wait: boolean,
  ): Awaitable<void> {
    const routed = { local: [] as WireMessage[], remote: [] as WireMessage[], both: [] as WireMessage[] } satisfies Record<
      Route,
      WireMessage[]
    >
    for (const envelope of envelopes) {
      const route = this.#routeOf(envelope)
      routed[route].push(this.#encode(envelope, route, deliverAt))
    }
    return after(this.#accept(routed, signal), () =>
      after(this.#local.broadcasts(routed.both), (broadcasts) => {
        const here = [...routed.local, ...broadcasts]
        if (here.length === 0) return
        return wait ? this.#local.publishAndWait(here, signal) : this.#local.publish(here, signal)
      }),
    )
  }

  /** The remote one where only some stay here. */
  protected carrierOf(envelopes: readonly EventEnvelope[]): string {
    let local = true
    for (const envelope of envelopes) {
      const route = this.#decide(envelope)
      this.#decided.set(envelope, route)
      local &&= route === 'local'
    }
    return (local ? this.#local : this.#remote).broker.name
  }

  protected async forward(messages: readonly WireMessage[]): Promise<void> {
    await this.#remote.publish(messages, undefined)
  }

  /** By the store where there is one, which also keeps what stays local; else by the remote broker. */
  #accept(routed: Readonly<Record<Route, WireMessage[]>>, signal: AbortSignal | undefined): Awaitable<void> {
    const toRemote = [...routed.remote, ...routed.both]
    const { stored } = this
    if (stored === undefined) return toRemote.length === 0 ? undefined : this.#remote.publish(toRemote, signal)
    for (const message of toRemote) this.#remote.broker.check(message)
    return stored.append(toRemote, true, signal).then(() => stored.append(routed.local, false, signal))
  }

  /** The remote side's; what stays local has its own, in the local broker. */
  protected async deadLetterPlace(): Promise<DeadLetterPlace> {
    await this.#remote.broker.connect()
    return this.#remote.deadLetterPlace()
  }

  /** A strategy is asked once for each event. */
  #routeOf(envelope: EventEnvelope): Route {
    return this.#decided.get(envelope) ?? this.#decide(envelope)
  }

  #decide({ model, topic, priority, metadata }: EventEnvelope): Route {
    const route = this.#strategy.route({ type: model.type, topic, priority, metadata })
    if (route === 'local' || route === 'remote' || route === 'both') return route
    throw new ConfigurationError(
      `The routing strategy answered ${JSON.stringify(route)} for "${model.type}". Let it answer 'local', 'remote' or 'both'.`,
    )
  }

  #encode(envelope: EventEnvelope, route: Route, deliverAt: number | undefined): WireMessage {
    const message = this.format.encode(envelope, this.destinationOf(envelope.topic, envelope.model.type))
    if (route !== 'both' && deliverAt === undefined) return message
    return changed(message, { deliverAt, attributes: route === 'both' ? { ...message.attributes, origin: this.instance } : undefined })
  }
}
