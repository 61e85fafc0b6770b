import { checkOptions, optionChecks } from '@interline/core'
import { connectionChecks, type RedisConnectionOptions, type ResolvedConnection, toConnection } from '../redis-options.js'

export interface RedisPubSubOptions extends RedisConnectionOptions {
  /**
   * How many bytes of events may wait in this process for a subscription whose handlers are slow, default 64 MiB. What comes beyond is
   * dropped and reported as a loss.
   */
  readonly maxBufferBytes?: number | undefined
}

export interface ResolvedPubSubOptions extends ResolvedConnection {
  readonly maxBufferBytes: number
}

const defaults = { maxBufferBytes: 64 * 1024 * 1024 } as const
const checks = { ...connectionChecks, maxBufferBytes: optionChecks.integer(1) }

/** Refuses unknown keys, wrong types and contradictions; fills in the defaults. */
export function resolvePubSubOptions(options: RedisPubSubOptions = {}): ResolvedPubSubOptions {
  checkOptions(options, 'redis', checks)
  return { ...toConnection(options), maxBufferBytes: options.maxBufferBytes ?? defaults.maxBufferBytes }
}
