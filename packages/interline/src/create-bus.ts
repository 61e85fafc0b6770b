import type { IEventBus } from '@interline/core'
import { makeBus } from './bus/make-bus.js'
import type { BusConfig } from './config/bus-config.js'

/**
 * A bus from instances or data; without a broker it stays in this process. Connects when it is started, or by its first publish.
 * Throws ConfigurationError for a configuration that can't work.
 */
export function createBus(config: BusConfig = {}): IEventBus {
  return makeBus(config, 'only-when-asked')
}
