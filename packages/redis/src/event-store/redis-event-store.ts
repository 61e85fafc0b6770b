import { ManagedEventStore } from '@interline/core'
import { type RedisEventStoreOptions, resolveEventStoreOptions } from './event-store-options.js'
import { RedisStoreEngine } from './redis-store-engine.js'

/**
 * Events on Redis Streams: each stream with versions, all of them in one order with positions 1, 2, 3 and so on, which a script assigns.
 * All keys of a prefix are in one slot of a cluster, so one shard is the ceiling of a store. What an append survives is decided by the
 * server's own persistence: `capabilities` say it in words once connected.
 */
export class RedisEventStore extends ManagedEventStore {
  readonly name = 'redis'

  constructor(options: RedisEventStoreOptions = {}) {
    super(new RedisStoreEngine(resolveEventStoreOptions(options)))
  }
}
