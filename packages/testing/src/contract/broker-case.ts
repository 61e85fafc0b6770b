import type { BrokerCapabilities } from '@interline/core'
import type { TestBrokerOptions } from './broker-options.js'
import type { Room } from './room.js'

/** What a configuration has beside its capabilities. */
export interface Means {
  /** A place for keys that wait long for a retry: the broker's own, or one that the suite's bus has. */
  readonly parking: boolean
}

/** One promise of the contract. */
export interface BrokerCase<R extends Room = Room> {
  /** Its id in the contract, such as `B04`. Several cases may share one. */
  readonly id: string
  readonly title: string
  /** What the broker must be able to do. Without it, `refused` is run instead. */
  readonly needs?: ((capabilities: BrokerCapabilities, means: Means) => boolean) | undefined
  /** The opposite: that a broker without the capability refuses what the case asks for. */
  readonly refused?: { readonly title: string; run(room: R): Promise<void> } | undefined
  /** What the configuration must bring along. Nothing of it exists for a local broker, which has no server, no client and no second process. */
  readonly hooks?: readonly (keyof TestBrokerOptions)[] | undefined
  run(room: R): Promise<void>
}

/** For type inference and one place to read what a list of cases is. */
export function cases(...list: readonly BrokerCase[]): readonly BrokerCase[] {
  return list
}
