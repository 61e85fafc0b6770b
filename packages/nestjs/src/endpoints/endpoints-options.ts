import type { HealthEndpointsOptions, MetricSource } from '@interline/telemetry'
import type { Awaitable } from 'interline'
import type { EndpointRequest } from './endpoint-request.js'

export interface EndpointsOptions {
  /**
   * Who may see what names components, counts and dead letters: only `true` lets somebody in. Default: who asks on this machine, and by no
   * proxy.
   */
  readonly authorize?: ((request: EndpointRequest) => Awaitable<boolean>) | undefined
  /** As of `HealthEndpoints`: more checks, for how long an answer is kept. */
  readonly health?: Omit<HealthEndpointsOptions, 'path' | 'authorize'> | undefined
  /** More to be shown beside the bus's own metrics, such as an EventTracker. */
  readonly metrics?: readonly MetricSource[] | undefined
}

export interface EndpointsExtras {
  /** Where they are, below a global prefix if the application has one. Default `api/events`. */
  readonly path?: string | undefined
  /** The name of the bus. Default: the default one. */
  readonly bus?: string | undefined
}
