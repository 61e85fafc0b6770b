import { ConfigurationError } from '@interline/core'

export interface MemoryBrokerOptions {
  /**
   * The most messages that a group may have unhandled at a destination; at that point `publish` is refused and nothing is deleted.
   * 1,000,000 where it is not said.
   */
  readonly maxPending?: number | undefined
  /** How many of a destination's newest messages a new group can begin from. 1,000 where it is not said; 0 keeps none. */
  readonly historyLimit?: number | undefined
  /** The largest message, attributes and data together. 1 MiB where it is not said: what most servers take. */
  readonly maxMessageBytes?: number | undefined
}

export interface MemoryBrokerSettings {
  readonly maxPending: number
  readonly historyLimit: number
  readonly maxMessageBytes: number
}

const defaults: MemoryBrokerSettings = { maxPending: 1_000_000, historyLimit: 1_000, maxMessageBytes: 1_048_576 }

export function settingsOf(options: MemoryBrokerOptions): MemoryBrokerSettings {
  return {
    maxPending: atLeast(1, 'maxPending', options.maxPending ?? defaults.maxPending),
    historyLimit: atLeast(0, 'historyLimit', options.historyLimit ?? defaults.historyLimit),
    maxMessageBytes: atLeast(1, 'maxMessageBytes', options.maxMessageBytes ?? defaults.maxMessageBytes),
  }
}

/** The value, when it is a whole number of at least `least`. */
export function atLeast(least: number, option: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new ConfigurationError(`The option ${option} is ${String(value)}; give it a whole number of at least ${least}.`)
}
