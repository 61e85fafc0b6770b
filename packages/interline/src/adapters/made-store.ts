import type { IEventStore, ILogger } from '@interline/core'
import { MemoryEventStore } from '@interline/memory'
import type { StoreConfig } from '../config/adapter-config.js'
import { isStore } from '../config/check-config.js'
import { loadPackage } from './load-package.js'

/** The event store that a configuration describes, where its adapter is a part of this package. */
export function storeAtHand(store: IEventStore | StoreConfig): IEventStore | undefined {
  if (isStore(store)) return store
  return store.type === 'memory' ? memoryStore(store) : undefined
}

/** The event store that a configuration describes, when its package is loaded. */
export async function loadStore(store: IEventStore | StoreConfig, logger: ILogger | undefined): Promise<IEventStore> {
  if (isStore(store)) return store
  switch (store.type) {
    case 'memory':
      return memoryStore(store)
    case 'redis': {
      const { RedisEventStore } = await loadPackage('@interline/redis', 'redis store', () => import('@interline/redis'))
      return new RedisEventStore({ ...store.redis, logger })
    }
    case 'postgres': {
      const { PostgresEventStore } = await loadPackage('@interline/postgres', 'postgres store', () => import('@interline/postgres'))
      return new PostgresEventStore({ ...store.postgres, logger })
    }
    default:
      return store satisfies never
  }
}

function memoryStore({ memory: { ttl, maxEvents } = {} }: Extract<StoreConfig, { type: 'memory' }>): IEventStore {
  return new MemoryEventStore({ ttlMs: ttl === undefined ? undefined : ttl * 1_000, maxEvents })
}
