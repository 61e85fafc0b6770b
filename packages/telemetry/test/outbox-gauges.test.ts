import { randomUUID } from 'node:crypto'
import { defineEvent, EventBus, staticSchema } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { pgDatabase, postgresOutbox } from '@interline/postgres'
import { BusMetrics } from '@interline/telemetry'
import { ForwardingBroker, findServer, waitFor } from '@interline/testing'
import pg from 'pg'
import { expect, it } from 'vitest'

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const Held = defineEvent('health.EscrowHeld', { topic: 'health.escrow', schema: staticSchema<{ n: number }>() })

it('what waits in an outbox, and for how long, is in health and metrics while the broker is away, and gone afterwards', async () => {
  const { url } = await findServer('postgres')
  const schema = `health_${randomUUID().slice(0, 8)}`
  class Away extends ForwardingBroker {
    away = true
    override async publish(...given: Parameters<ForwardingBroker['publish']>): Promise<void> {
      if (this.away) throw new Error('The broker is away.')
      await super.publish(...given)
    }
    override async health() {
      return this.away ? ({ status: 'fail', output: 'away' } as const) : super.health()
    }
  }
  const broker = new Away(new MemoryBroker())
  const pool = new pg.Pool({ connectionString: url })
  const outbox = postgresOutbox(pgDatabase(pool), { schema, logger: quiet })
  const metrics = new BusMetrics()
  const bus = new EventBus({ broker, logger: quiet, instrumentation: metrics, outbox })
  const sizeOf = (name: string): number | undefined => {
    const family = metrics.families().find(({ definition }) => definition.name === name)
    return family?.points.map(({ value }) => value as number).at(0)
  }
  try {
    await bus.start()
    for (let n = 0; n < 3; n++) await bus.publish(Held({ n }))
    await metrics.collect()
    expect([sizeOf('interline.outbox.size'), sizeOf('outbox.queue.size')]).toEqual([3, 3])
    expect(sizeOf('interline.outbox.oldest_age')).toBeGreaterThan(0)
    expect((await bus.health()).checks['postgres:outbox']).toMatchObject([{ observedValue: 3 }])
    broker.away = false
    await waitFor(async () => (await bus.health()).checks['postgres:outbox']?.[0]?.observedValue === 0, {
      limitMs: 20_000,
      what: 'the outbox to be empty',
    })
    await metrics.collect()
    expect([sizeOf('interline.outbox.size'), sizeOf('interline.outbox.oldest_age')]).toEqual([0, 0])
  } finally {
    await bus.close({ timeoutMs: 1_000 })
    await outbox.close()
    await pool.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
    await pool.end()
  }
})
