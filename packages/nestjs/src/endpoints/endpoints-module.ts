import { type BusMetrics, HealthEndpoints } from '@interline/telemetry'
import { ConfigurableModuleBuilder, type ConfigurableModuleCls, type ConfigurableModuleHost, Module, type Provider } from '@nestjs/common'
import type { IEventBus } from 'interline'
import { getBusMetricsToken, getEventBusToken } from '../tokens.js'
import { endpointsController } from './endpoints-controller.js'
import type { EndpointsExtras, EndpointsOptions } from './endpoints-options.js'
import { endpointAuthorize, endpointBus, endpointMetrics } from './endpoints-tokens.js'
import { isLocalCaller } from './local-caller.js'

type Host = ConfigurableModuleHost<EndpointsOptions, 'forRoot', 'create', EndpointsExtras>

const host: Host = new ConfigurableModuleBuilder<EndpointsOptions>()
  .setClassMethodName('forRoot')
  .setExtras<EndpointsExtras>({ path: undefined, bus: undefined }, (definition, { path, bus }) => ({
    ...definition,
    controllers: [endpointsController(path ?? 'api/events')],
    providers: [...(definition.providers ?? []), ...providersOf(bus)],
  }))
  .build()

const ConfigurableEndpointsModule: ConfigurableModuleCls<EndpointsOptions, 'forRoot', 'create', EndpointsExtras> =
  host.ConfigurableModuleClass

/** `GET` of `health`, `metrics` and `dead-letter` below a path, for callers on this machine or whom `authorize` lets in. */
@Module({})
export class EventEndpointsModule extends ConfigurableEndpointsModule {}

function providersOf(bus: string | undefined): readonly Provider[] {
  return [
    { provide: endpointBus, useExisting: getEventBusToken(bus) },
    {
      provide: HealthEndpoints,
      useFactory: (found: IEventBus, { health }: EndpointsOptions) => new HealthEndpoints(found, health),
      inject: [endpointBus, host.MODULE_OPTIONS_TOKEN],
    },
    {
      provide: endpointMetrics,
      useFactory: (own: BusMetrics | undefined, { metrics = [] }: EndpointsOptions) => [...(own === undefined ? [] : [own]), ...metrics],
      inject: [getBusMetricsToken(bus), host.MODULE_OPTIONS_TOKEN],
    },
    {
      provide: endpointAuthorize,
      useFactory: ({ authorize = isLocalCaller }: EndpointsOptions) => authorize,
      inject: [host.MODULE_OPTIONS_TOKEN],
    },
  ]
}
