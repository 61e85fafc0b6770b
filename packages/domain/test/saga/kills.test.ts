import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { ISagaStore } from '@interline/core'
import { PostgresSagaStore } from '@interline/postgres'
import { RedisSagaStore } from '@interline/redis'
import { waitFor } from '@interline/testing'
import { Redis } from 'ioredis'
import pg from 'pg'
import { expect, test } from 'vitest'

const postgresUrl = process.env.POSTGRES_URL ?? process.env.DATABASE_URL ?? 'postgresql://postgres@127.0.0.1:5432/postgres'
const redisUrl = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
const sagas = 50
const workers = 2
/** How many places the first process passes before it dies; each next one lives about twice as long. Fifty sagas have some five hundred. */
const firstPlaces = 15

test.each(['postgres', 'redis'] as const)(
  'G02 on %s: processes that die anywhere leave no saga behind, and do nothing twice that knows its key',
  { timeout: 120_000 },
  async (kind) => {
    const name = `it_sagas_${randomUUID().slice(0, 8)}`
    const options = kind === 'postgres' ? { url: postgresUrl, schema: name } : { url: redisUrl, prefix: name }
    const store: ISagaStore & { close(): unknown } = kind === 'postgres' ? new PostgresSagaStore(options) : new RedisSagaStore(options)
    const redis = new Redis(redisUrl)
    const running = new Set<ChildProcess>()
    let kills = 0
    let over = false
    const work = async (): Promise<void> => {
      for (let generation = 0; !over; generation++) {
        const places = Math.ceil(firstPlaces * 2 ** generation * (0.5 + Math.random()))
        const settings = { kind, options, redisUrl, effects: name, sagas, places }
        const child = fork(new URL('./worker.mjs', import.meta.url), [JSON.stringify(settings)], { execArgv: [] })
        running.add(child)
        await once(child, 'exit')
        running.delete(child)
        if (child.signalCode === 'SIGKILL' && !over) kills++
        else if (!over) throw new Error(`a worker ended by itself with ${child.exitCode}`)
      }
    }
    const working = Promise.all(Array.from({ length: workers }, work))
    try {
      const ended = async (): Promise<number> =>
        (await store.count({ status: 'completed' })) + (await store.count({ status: 'compensated' }))
      let seen = 0
      await Promise.race([
        working,
        waitFor(async () => (seen = await ended()) === sagas, { limitMs: 20_000, progress: () => seen + kills }),
      ])
      expect(await store.count({ status: 'compensated' })).toBe(sagas / 10)
      expect(await store.count({ status: 'completed' })).toBe((sagas / 10) * 9)
      const done = new Set(await redis.smembers(`${name}:done`))
      const undone = new Set(await redis.smembers(`${name}:undone`))
      const { sagas: all } = await store.list({}, { limit: sagas })
      for (const { id, status, body } of all) {
        const [did, undid] = status === 'completed' ? [5, 0] : [3, 3]
        const keys = (suffix: string): string[] => Array.from({ length: 5 }, (_, index) => `Order:${id}:s${index}${suffix}`)
        expect(keys('').filter((key) => done.has(key)).length, `${id} did`).toBe(did)
        expect(keys(':compensate').filter((key) => undone.has(key)).length, `${id} undid`).toBe(undid)
        expect(JSON.parse(body).state.steps, `the state of ${id}`).toEqual(status === 'completed' ? [0, 1, 2, 3, 4] : [])
      }
      expect(kills, 'workers died').toBeGreaterThanOrEqual(workers)
    } finally {
      over = true
      for (const child of running) child.kill('SIGKILL')
      await working
      await store.close()
      for await (const keys of redis.scanStream({ match: `*${name}*`, count: 1_000 })) if (keys.length > 0) await redis.unlink(keys)
      redis.disconnect()
      const sql = new pg.Client({ connectionString: postgresUrl })
      await sql.connect()
      await sql.query(`DROP SCHEMA IF EXISTS "${name}" CASCADE`)
      await sql.end()
    }
  },
)
