import { PostgresDeadLetterStore, PostgresEventStore, PostgresSagaStore, PostgresSnapshotStore } from '@interline/postgres'
import { RedisDeadLetterStore, RedisEventStore, RedisSagaStore, RedisSnapshotStore } from '@interline/redis'
import {
  type Awaitable,
  type IDeadLetterStore,
  type IEventStore,
  type ISagaStore,
  type ISnapshotStore,
  MemoryDeadLetterStore,
  MemoryEventStore,
  MemorySagaStore,
  MemorySnapshotStore,
} from 'interline'
import type { StoreChoice } from '../../../places/choices.js'
import type { Database } from './database.js'

interface Parts {
  readonly events: IEventStore
  readonly snapshots: ISnapshotStore
  readonly sagas: ISagaStore
  readonly deadLetters: IDeadLetterStore
}

/** Everything that is kept, in one place. */
export interface Stores extends Parts, AsyncDisposable {}

/** `database` is where those on PostgreSQL are. */
export function storesIn(choice: StoreChoice, database: Database): Stores {
  const parts = partsIn(choice, database)
  const closables: readonly { close?(): Awaitable<void> }[] = Object.values(parts)
  const close = async (): Promise<void> => {
    for (const each of closables) await each.close?.()
  }
  return { ...parts, [Symbol.asyncDispose]: close }
}

function partsIn(choice: StoreChoice, { client, schema }: Database): Parts {
  switch (choice.type) {
    case 'memory':
      return {
        events: new MemoryEventStore(),
        snapshots: new MemorySnapshotStore(),
        sagas: new MemorySagaStore(),
        deadLetters: new MemoryDeadLetterStore(),
      }
    case 'redis':
      return {
        events: new RedisEventStore(choice.redis),
        snapshots: new RedisSnapshotStore(choice.redis),
        sagas: new RedisSagaStore(choice.redis),
        deadLetters: new RedisDeadLetterStore(choice.redis),
      }
    case 'postgres':
      return {
        events: new PostgresEventStore({ client, schema }),
        snapshots: new PostgresSnapshotStore({ client, schema }),
        sagas: new PostgresSagaStore({ client, schema }),
        deadLetters: new PostgresDeadLetterStore({ client, schema }),
      }
    default:
      return choice satisfies never
  }
}
