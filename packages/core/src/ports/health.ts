/** One measured component, in the terms of `application/health+json`. */
export interface ComponentHealth {
  readonly status: 'pass' | 'warn' | 'fail'
  /** What is wrong, for a person. Never holds a secret. */
  readonly output?: string | undefined
  readonly observedValue?: number | string | undefined
  readonly observedUnit?: string | undefined
}

export interface HealthReport {
  readonly status: 'pass' | 'warn' | 'fail'
  /** Keyed `component:measurement`, such as `redis:connection` or `bus:unsettled`. */
  readonly checks: Readonly<Record<string, readonly (ComponentHealth & { readonly time: string })[]>>
}
