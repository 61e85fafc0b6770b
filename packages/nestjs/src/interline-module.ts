import {
  ConfigurableModuleBuilder,
  type ConfigurableModuleCls,
  type ConfigurableModuleHost,
  type DynamicModule,
  Module,
  type Provider,
} from '@nestjs/common'
import { DiscoveryModule, DiscoveryService, ModuleRef } from '@nestjs/core'
import type { IEventBus as Bus } from 'interline'
import { BusLifecycle } from './bus-lifecycle.js'
import { EventBusHealthIndicator } from './event-bus-health-indicator.js'
import { featureModule } from './feature-module.js'
import { madeBus, madeMetrics } from './made-bus.js'
import type { InterlineExtras, InterlineOptions } from './options.js'
import { eventBusName, getBusMetricsToken, getEventBusToken } from './tokens.js'

type Host = ConfigurableModuleHost<InterlineOptions, 'forRoot', 'create', InterlineExtras>

const host: Host = new ConfigurableModuleBuilder<InterlineOptions>()
  .setClassMethodName('forRoot')
  .setExtras<InterlineExtras>({ name: undefined }, (definition, { name }) => ({
    ...definition,
    global: true,
    imports: [...(definition.imports ?? []), DiscoveryModule],
    providers: [...(definition.providers ?? []), ...providersOf(name)],
    exports: [getEventBusToken(name), getBusMetricsToken(name), EventBusHealthIndicator, ...(name === undefined ? [eventBusName] : [])],
  }))
  .build()

const ConfigurableInterlineModule: ConfigurableModuleCls<InterlineOptions, 'forRoot', 'create', InterlineExtras> =
  host.ConfigurableModuleClass

/**
 * A bus, injected everywhere as `IEventBus` or 'EventBus', that handles events with the decorated providers of the application. It starts
 * when these are there, drains before the application's connections are closed, and disconnects after that.
 */
@Module({})
export class InterlineModule extends ConfigurableInterlineModule {
  /** In the imports of a module: its handlers belong to the bus of this name. However often it is imported, it is the same. */
  static forFeature(bus?: string): DynamicModule {
    return featureModule(bus)
  }
}

function providersOf(name: string | undefined): readonly Provider[] {
  const bus = getEventBusToken(name)
  const metrics = getBusMetricsToken(name)
  return [
    { provide: metrics, useFactory: madeMetrics, inject: [host.MODULE_OPTIONS_TOKEN] },
    { provide: bus, useFactory: madeBus, inject: [host.MODULE_OPTIONS_TOKEN, metrics] },
    ...(name === undefined ? [{ provide: eventBusName, useExisting: bus }] : []),
    {
      provide: BusLifecycle,
      useFactory: (made: Bus, discovery: DiscoveryService) => new BusLifecycle(made, name, discovery),
      inject: [bus, DiscoveryService],
    },
    { provide: EventBusHealthIndicator, useFactory: (modules: ModuleRef) => new EventBusHealthIndicator(modules), inject: [ModuleRef] },
  ]
}
