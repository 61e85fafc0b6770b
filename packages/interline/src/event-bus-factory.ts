import type { Abortable, IEventBus } from '@interline/core'
import { makeBus } from './bus/make-bus.js'
import type { BusConfig } from './config/bus-config.js'

export interface BusFactory {
  /**
   * A bus that is not started yet. The first one that starts takes the instances of decorated handler classes, also those constructed
   * later. Throws ConfigurationError for a configuration that can't work; a package that is missing rejects `start`.
   */
  create(config?: BusConfig): IEventBus
  createAndStart(config?: BusConfig, options?: Abortable): Promise<IEventBus>
  /**
   * A bus in memory, with a store, that is being started: calls wait for that by themselves. Its `publish` resolves when every handler
   * had its first attempt, whatever came of it; `idle` waits for the rest. Takes decorated handlers until the next bus does.
   */
  createForTesting(config?: TestBusConfig): IEventBus
}

/** What a test may want to be otherwise. */
export type TestBusConfig = Omit<BusConfig, 'hybrid' | 'unused'>

export const EventBusFactory: BusFactory = {
  create: (config = {}) => makeBus(config, 'default'),
  async createAndStart(config = {}, options) {
    const bus = makeBus(config, 'default')
    await bus.start(options)
    return bus
  },
  createForTesting(config = {}) {
    const bus = testBus(config)
    // what fails here fails again in the next call, which somebody waits for
    bus.start().catch(() => undefined)
    return bus
  },
}

/** The bus of `EventBusFactory.createForTesting`, when it is started. */
export async function createTestEventBus(config: TestBusConfig = {}): Promise<IEventBus> {
  const bus = testBus(config)
  await bus.start()
  return bus
}

function testBus(config: TestBusConfig): IEventBus {
  return makeBus({ waitForHandlers: true, store: { type: 'memory' }, ...config }, 'default-for-tests')
}
