import { randomUUID } from 'node:crypto'
import { EventBus, type EventBusOptions } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { PostgresEventStore, pgDatabase, postgresOutbox } from '@interline/postgres'
import { fetchHandler, HealthEndpoints, queryCheck } from '@interline/telemetry'
import { FaultProxy, findServer, waitFor } from '@interline/testing'
import pg from 'pg'
import { expect, it } from 'vitest'

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** Within which health must tell of a fault, and of its end. */
const limitMs = 5_000

interface Stood {
  readonly options: Pick<EventBusOptions, 'store' | 'outbox'>
  close(): Promise<void>
}

const kinds: Readonly<Record<'store' | 'outbox', (url: string, schema: string) => Stood>> = {
  store(url, schema) {
    const store = new PostgresEventStore({ url, schema })
    return { options: { store }, close: () => store.close() }
  },
  outbox(url, schema) {
    const pool = poolOf(url)
    const outbox = postgresOutbox(pgDatabase(pool), { schema, logger: quiet })
    return { options: { outbox }, close: () => outbox.close().finally(() => pool.end()) }
  },
}

function poolOf(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: 1_000 })
  pool.on('error', () => undefined)
  return pool
}

async function cleanUp(url: string, schema: string): Promise<void> {
  const pool = poolOf(url)
  await pool.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
  await pool.end()
}

async function until(status: number, ask: () => Promise<Response>): Promise<number> {
  const began = performance.now()
  await waitFor(async () => (await ask()).status === status, { limitMs: 20_000, what: `readiness to answer ${status}` })
  return performance.now() - began
}

it.each((['store', 'outbox'] as const).flatMap((kind) => (['a black hole', 'cut off'] as const).map((fault) => [kind, fault] as const)))(
  'the %s behind a network that is %s is told within five seconds, and so is its end',
  async (kind, fault) => {
    const { url } = await findServer('postgres')
    const schema = `health_${randomUUID().slice(0, 8)}`
    await using proxy = await FaultProxy.start({ port: Number(new URL(url).port || 5432) })
    const through = new URL(url)
    through.hostname = '127.0.0.1'
    through.port = String(proxy.port)
    const stood = kinds[kind](through.href, schema)
    const bus = new EventBus({ broker: new MemoryBroker(), logger: quiet, ...stood.options })
    const probe = poolOf(through.href)
    try {
      await bus.start()
      const handler = fetchHandler(new HealthEndpoints(bus, { checks: { 'postgres:query': queryCheck(() => probe.query('SELECT 1')) } }))
      const ready = (): Promise<Response> => handler(new Request('http://here/health/ready'))
      expect((await ready()).status).toBe(200)
      if (fault === 'a black hole') proxy.blackhole()
      else {
        proxy.refuse()
        proxy.cut()
      }
      expect(await until(503, ready)).toBeLessThan(limitMs)
      await waitFor(async () => (await bus.health()).checks[`postgres:${kind}`]?.[0]?.status === 'fail', { what: `the ${kind} to fail` })
      const { checks } = (await (await handler(new Request('http://here/health'))).json()) as {
        checks: Record<string, { status: string }[]>
      }
      expect([checks['postgres:query']?.[0]?.status, checks['memory:connection']?.[0]?.status]).toEqual(['fail', 'pass'])
      proxy.heal()
      expect(await until(200, ready)).toBeLessThan(limitMs)
    } finally {
      proxy.heal()
      await bus.close({ timeoutMs: 1_000 })
      await stood.close()
      await probe.end()
      await cleanUp(url, schema)
    }
  },
)
