import { ConfigurationError } from '../errors.js'
import type { EventMetadata } from '../event/metadata.js'
import { EventPriority, priorityRank } from '../event/priority.js'

/** `local`: this process only, nothing kept. `remote`: the broker. `both`: the broker first, then at once here for broadcast subscriptions. */
export type Route = 'local' | 'remote' | 'both'

/** What a route is decided by. */
export interface RoutedEvent {
  readonly type: string
  readonly topic: string
  readonly priority: EventPriority
  readonly metadata: EventMetadata
}

export interface IRoutingStrategy {
  route(event: RoutedEvent): Route
}

export interface RoutingOptions {
  /** Events of this priority and above go `both` ways; others `remote`. Default `high`. */
  readonly bothFrom?: EventPriority | undefined
  /** Decides instead of the priority, after the lists; `undefined` leaves it to the priority. */
  readonly decide?: ((event: RoutedEvent) => Route | undefined) | undefined
}

/** Lists of event types decide first, then a function, then the priority: critical and high go both ways, normal and low to the broker. */
export class DefaultRoutingStrategy implements IRoutingStrategy {
  readonly #local: ReadonlySet<string>
  readonly #remote: ReadonlySet<string>
  readonly #bothFrom: number
  readonly #decide: RoutingOptions['decide']

  constructor(localTypes: readonly string[] = [], remoteTypes: readonly string[] = [], options: RoutingOptions = {}) {
    this.#local = new Set(localTypes)
    this.#remote = new Set(remoteTypes)
    this.#bothFrom = priorityRank(options.bothFrom ?? EventPriority.HIGH)
    this.#decide = options.decide
    const twice = localTypes.find((type) => this.#remote.has(type))
    if (twice !== undefined)
      throw new ConfigurationError(`Event type "${twice}" is in both lists. Leave it in one, or let a function answer 'both'.`)
  }

  route(event: RoutedEvent): Route {
    if (this.#local.has(event.type)) return 'local'
    if (this.#remote.has(event.type)) return 'remote'
    return this.#decide?.(event) ?? (priorityRank(event.priority) <= this.#bothFrom ? 'both' : 'remote')
  }
}
