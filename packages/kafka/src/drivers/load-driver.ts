import type { ResolvedOptions } from '../kafka-options.js'
import type { Driver } from './driver.js'

/** The client library that the options name, loaded now and not before. Throws ConfigurationError where it can't be had. */
export async function loadDriver(options: ResolvedOptions): Promise<Driver> {
  switch (options.driver) {
    case 'kafkajs': {
      const { kafkaJsDriver } = await import('./kafkajs/kafkajs-driver.js')
      return kafkaJsDriver(options)
    }
    case 'platformatic': {
      const { platformaticDriver } = await import('./platformatic/platformatic-driver.js')
      return platformaticDriver(options)
    }
    default:
      return options.driver satisfies never
  }
}
