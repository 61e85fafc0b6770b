import type { Awaitable, BrokerCapabilities, ConnectOptions, IBroker } from '@interline/core'
import { ForwardingBroker } from '../forwarding-broker.js'

/**
 * One local broker for several buses of a case, which stand for several processes: each bus gets a view of its own, whose `close`
 * leaves the broker to the others.
 */
export class SharedBroker {
  readonly #inner: IBroker
  #connected: Awaitable<void> | undefined
  #wasConnected = false

  constructor(inner: IBroker) {
    this.#inner = inner
  }

  get capabilities(): BrokerCapabilities {
    return this.#inner.capabilities
  }

  view(): IBroker {
    const connect = (options: ConnectOptions): Awaitable<void> => {
      if (!this.#wasConnected) {
        this.#wasConnected = true
        this.#connected = this.#inner.connect(options)
      }
      return this.#connected
    }
    return new View(this.#inner, connect)
  }

  async close(): Promise<void> {
    if (this.#wasConnected) await this.#inner.close()
  }
}

class View extends ForwardingBroker {
  readonly #connect: (options: ConnectOptions) => Awaitable<void>

  constructor(inner: IBroker, connect: (options: ConnectOptions) => Awaitable<void>) {
    super(inner)
    this.#connect = connect
  }

  override connect(options: ConnectOptions): Awaitable<void> {
    return this.#connect(options)
  }

  override close(): void {}
}
