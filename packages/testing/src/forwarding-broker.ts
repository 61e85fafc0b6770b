import type {
  Abortable,
  Awaitable,
  BrokerCapabilities,
  BrokerMetrics,
  CloseOptions,
  ComponentHealth,
  ConnectOptions,
  Consumer,
  GroupDescription,
  IBroker,
  IDeadLetterStore,
  IIdempotencyStore,
  Receive,
  Source,
  StoreOptions,
  WireMessage,
} from '@interline/core'

/** A broker that does what another one does. A wrapper changes one thing of it. */
export class ForwardingBroker implements IBroker {
  protected readonly inner: IBroker

  constructor(inner: IBroker) {
    this.inner = inner
  }

  get name(): string {
    return this.inner.name
  }

  get capabilities(): BrokerCapabilities {
    return this.inner.capabilities
  }

  get deadLetters(): IDeadLetterStore | undefined {
    return this.inner.deadLetters
  }

  get idempotency(): IIdempotencyStore | undefined {
    return this.inner.idempotency
  }

  parking(group: string, destination: string): IDeadLetterStore | undefined {
    return this.inner.parking?.(group, destination)
  }

  connect(options: ConnectOptions): Awaitable<void> {
    return this.inner.connect(options)
  }

  publish(messages: readonly WireMessage[], options?: StoreOptions): Awaitable<void> {
    return this.inner.publish(messages, options)
  }

  subscribe(source: Source, receive: Receive, options?: Abortable): Awaitable<Consumer> {
    return this.inner.subscribe(source, receive, options)
  }

  listDestinations(options?: Abortable): Awaitable<readonly string[]> {
    return this.inner.listDestinations?.(options) ?? []
  }

  listGroups(options?: Abortable): Awaitable<readonly GroupDescription[]> {
    return this.inner.listGroups?.(options) ?? []
  }

  removeGroup(group: string, destination: string, options?: Abortable): Awaitable<void> {
    return this.inner.removeGroup?.(group, destination, options)
  }

  health(options?: Abortable): Awaitable<ComponentHealth> {
    return this.inner.health(options)
  }

  getMetrics(options?: Abortable): Awaitable<BrokerMetrics> {
    return this.inner.getMetrics(options)
  }

  close(options?: CloseOptions): Awaitable<void> {
    return this.inner.close(options)
  }
}
