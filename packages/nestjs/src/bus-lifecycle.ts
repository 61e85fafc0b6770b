import type { BeforeApplicationShutdown, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common'
import type { DiscoveryService } from '@nestjs/core'
import { EventHandlerRegistry, type IEventBus } from 'interline'
import { decoratedProviders } from './decorated-providers.js'

/** A bus lives as long as its application. While requests are still answered, it takes no more events and publishes what they publish. */
export class BusLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #bus: IEventBus
  readonly #name: string | undefined
  readonly #discovery: DiscoveryService

  constructor(bus: IEventBus, name: string | undefined, discovery: DiscoveryService) {
    this.#bus = bus
    this.#name = name
    this.#discovery = discovery
  }

  async onApplicationBootstrap(): Promise<void> {
    try {
      for (const handler of decoratedProviders(this.#discovery, this.#name)) await this.#subscribe(handler)
      await this.#bus.start()
    } catch (thrown) {
      // an application that does not start is not closed either
      await this.#bus.close()
      throw thrown
    }
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.#bus.drain()
  }

  onApplicationShutdown(): Promise<void> {
    return this.#bus.close()
  }

  async #subscribe(handler: object): Promise<void> {
    await this.#bus.register(handler)
    // it is this application's: no other bus of the process may take it too, and nothing else is to hold it
    EventHandlerRegistry.getInstance().unregister(handler)
  }
}
