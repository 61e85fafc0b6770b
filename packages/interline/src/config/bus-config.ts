import type { CommonBusOptions, IBroker, ICodec, IEventStore, IRoutingStrategy, RoutingOptions } from '@interline/core'
import type { BrokerConfig, StoreConfig } from './adapter-config.js'

/** Which events stay in the process. Either a strategy of your own, or lists and options of the default one. */
export interface HybridConfig extends RoutingOptions {
  readonly routingStrategy?: IRoutingStrategy | undefined
  /** Event types that never leave this process. */
  readonly localTypes?: readonly string[] | undefined
  /** Event types that always go by the broker alone. */
  readonly remoteTypes?: readonly string[] | undefined
  /** What carries local events. Default: a memory broker. */
  readonly localBroker?: IBroker | undefined
}

/** A variable that was set and that nothing can act on yet. */
export interface UnusedVariable {
  readonly name: string
  readonly reason: string
  /** What a program gives by itself instead: where it has, the bus does not warn. */
  readonly answeredBy?: 'instrumentation' | undefined
}

/** What a bus is made of. Brokers and stores are instances, or data; data can come from a file or the environment. */
export interface BusConfig extends Omit<CommonBusOptions, 'store' | 'codec'> {
  /** An instance, or data. Default: memory. */
  readonly broker?: IBroker | BrokerConfig | undefined
  readonly store?: IEventStore | StoreConfig | undefined
  /** A local broker beside the other one. `true` routes by priority. */
  readonly hybrid?: boolean | HybridConfig | undefined
  readonly codec?: ICodec | 'reference' | undefined
  /**
   * Whether this bus subscribes the instances of decorated handler classes by itself. Where nothing is said, only the first bus that
   * EventBusFactory starts does.
   */
  readonly autoRegister?: boolean | undefined
  /** What `configFromEnv` found and nothing can act on: the bus warns of each when it is made. */
  readonly unused?: readonly UnusedVariable[] | undefined
}
