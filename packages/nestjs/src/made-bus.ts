import { BusMetrics } from '@interline/telemetry'
import { ConfigurationError, createBus, type IEventBus, type Instrumentation } from 'interline'
import { nestLogger } from './nest-logger.js'
import type { InterlineOptions } from './options.js'

/** A bus counts what it does unless it is told not to. */
export function madeMetrics(options: InterlineOptions): BusMetrics | undefined {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigurationError(
      `The options of InterlineModule are ${String(options)}. Let its factory return an object, such as { service: 'shop' }.`,
    )
  }
  const { metrics = true } = options
  if (typeof metrics === 'boolean') return metrics ? new BusMetrics() : undefined
  return 'families' in metrics ? metrics : new BusMetrics(metrics)
}

export function madeBus({ metrics: _, ...config }: InterlineOptions, metrics: BusMetrics | undefined): IEventBus {
  if ((config as { readonly autoRegister?: boolean }).autoRegister === true) {
    throw new ConfigurationError(
      'autoRegister: true would subscribe handlers twice; decorated providers are found by the module. Remove it.',
    )
  }
  const { instrumentation = [], logger = nestLogger() } = config
  const watching = [...[instrumentation].flat(), ...(metrics === undefined ? [] : [metrics])] as Instrumentation[]
  return createBus({ ...config, logger, instrumentation: watching, autoRegister: false })
}
