import type { IClock } from '../ports/clock.js'
import type { IEventStore } from '../ports/event-store.js'
import type { IOutbox } from '../ports/outbox.js'
import type { Forwarder } from './forwarder.js'
import type { HealthOptions } from './health.js'
import type { Side } from './side.js'

/** What a bus is made of, as far as health and gauges look at it. */
export interface BusParts {
  readonly state: 'idle' | 'starting' | 'open' | 'closing'
  readonly sides: readonly Side[]
  readonly store: IEventStore | undefined
  readonly outbox: IOutbox | undefined
  readonly forwarder: Forwarder | undefined
  readonly clock: IClock
  readonly health: Readonly<Record<keyof HealthOptions, number>>
}
