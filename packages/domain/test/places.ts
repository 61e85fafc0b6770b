import { randomUUID } from 'node:crypto'
import { PGlite } from '@electric-sql/pglite'
import type { EventStoreBase, ISnapshotStore } from '@interline/core'
import { MemoryEventStore, MemorySnapshotStore } from '@interline/memory'
import { PostgresEventStore, PostgresSnapshotStore } from '@interline/postgres'
import { RedisEventStore, RedisSnapshotStore } from '@interline/redis'
import { Redis } from 'ioredis'
import pg from 'pg'

export const redisUrl: string = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
export const postgresUrl: string = process.env.POSTGRES_URL ?? process.env.DATABASE_URL ?? 'postgresql://postgres@127.0.0.1:5432/postgres'

/** Where a test keeps events and snapshots, removed at its end. */
export interface Place extends AsyncDisposable {
  /** Its name in that place, for other processes. */
  readonly namespace: string
  /** As another process would have it; in memory there is only one. */
  events(): EventStoreBase
  snapshots(): ISnapshotStore
}

const quiet = { warn: () => undefined }
const nameOf = (): string => `domain_${randomUUID().replaceAll('-', '').slice(0, 16)}`
let embedded: PGlite | undefined

/** Its start keeps a process busy for seconds: to be waited for before the first test. */
export async function startEmbedded(): Promise<void> {
  embedded ??= new PGlite()
  await embedded.waitReady
}

interface Closable {
  close(): unknown
}

function place(namespace: string, make: Pick<Place, 'events' | 'snapshots'>, cleanUp: () => Promise<unknown>): Place {
  const opened: Closable[] = []
  const kept = <T>(store: T): T => {
    if (typeof (store as Partial<Closable>).close === 'function') opened.push(store as T & Closable)
    return store
  }
  return {
    namespace,
    events: () => kept(make.events()),
    snapshots: () => kept(make.snapshots()),
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((store) => store.close()))
      await cleanUp()
    },
  }
}

export const places: Readonly<Record<'memory' | 'redis' | 'postgres' | 'pglite', () => Place>> = {
  memory() {
    const events = new MemoryEventStore()
    const snapshots = new MemorySnapshotStore()
    return place('memory', { events: () => events, snapshots: () => snapshots }, async () => undefined)
  },
  redis() {
    const prefix = nameOf()
    const make = {
      events: () => new RedisEventStore({ url: redisUrl, prefix, logger: quiet }),
      snapshots: () => new RedisSnapshotStore({ url: redisUrl, prefix }),
    }
    return place(prefix, make, () => removeKeys(prefix))
  },
  postgres() {
    const schema = nameOf()
    const make = {
      events: () => new PostgresEventStore({ url: postgresUrl, schema, hints: false, maxConnections: 6, logger: quiet }),
      snapshots: () => new PostgresSnapshotStore({ url: postgresUrl, schema, maxConnections: 2 }),
    }
    return place(schema, make, () => dropSchema(schema))
  },
  pglite() {
    embedded ??= new PGlite()
    const client = embedded
    const schema = nameOf()
    const make = {
      events: () => new PostgresEventStore({ client, schema, logger: quiet }),
      snapshots: () => new PostgresSnapshotStore({ client, schema }),
    }
    return place(schema, make, async () => undefined)
  },
}

/** Removes every key of a prefix from the shared Redis. */
export async function removeKeys(prefix: string): Promise<void> {
  const client = new Redis(redisUrl)
  for await (const keys of client.scanStream({ match: `*${prefix}*`, count: 1_000 })) if (keys.length > 0) await client.unlink(keys)
  client.disconnect()
}

export async function dropSchema(schema: string): Promise<void> {
  await sql(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
}

/** One statement, as anybody would run it. */
export async function sql(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: postgresUrl })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text, [...values])).rows
  } finally {
    await client.end()
  }
}
