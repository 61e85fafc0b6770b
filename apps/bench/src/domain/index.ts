import { randomUUID } from 'node:crypto'
import { MemoryEventStore, MemorySnapshotStore } from '@interline/memory'
import { PostgresSnapshotStore } from '@interline/postgres'
import { RedisEventStore, RedisSnapshotStore } from '@interline/redis'
import { Redis } from 'ioredis'
import { Server } from '../postgres/server.js'
import type { Report } from '../report.js'
import { compare } from '../rounds.js'
import { callers } from './commands.js'
import { loaders } from './rehydrating.js'
import { sagas } from './sagas.js'

const rounds = { events: 400, rounds: 9 }
const redisUrl = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'

export async function domain(report: Report): Promise<void> {
  report.table(await compare('Commands in one process', await callers(), { events: 200_000, rounds: 9 }))
  report.table(await compare('Loading an aggregate, memory', await loaders(new MemoryEventStore(), new MemorySnapshotStore()), rounds))
  await onRedis(report)
  await using server = new Server()
  const store = await server.store('aggregates')
  await using snapshots = new PostgresSnapshotStore({ client: server.pool, schema: server.schema })
  report.table(await compare('Loading an aggregate, PostgreSQL', await loaders(store, snapshots), rounds))
  report.table(await compare('Sagas of five steps, 100 at once, PostgreSQL', await sagas(server), { events: 1_000, rounds: 5 }))
}

async function onRedis(report: Report): Promise<void> {
  const prefix = `bench-${randomUUID()}`
  await using store = new RedisEventStore({ url: redisUrl, prefix })
  const snapshots = new RedisSnapshotStore({ url: redisUrl, prefix })
  try {
    report.table(await compare('Loading an aggregate, Redis', await loaders(store, snapshots), rounds))
  } finally {
    snapshots.close()
    const client = new Redis(redisUrl)
    const names = await client.keys(`*${prefix}*`)
    if (names.length > 0) await client.unlink(...names)
    client.disconnect()
  }
}
