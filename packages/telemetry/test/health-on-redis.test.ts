import { randomUUID } from 'node:crypto'
import { EventBus } from '@interline/core'
import { RedisBroker } from '@interline/redis'
import { BusMetrics, fetchHandler, HealthEndpoints } from '@interline/telemetry'
import { FaultProxy, findServer, startRedis, waitFor } from '@interline/testing'
import { expect, it } from 'vitest'

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** Within which health must tell of a fault, and of its end. */
const limitMs = 5_000

function watchedBus(url: string): { bus: EventBus; metrics: BusMetrics; ready: () => Promise<number>; live: () => Promise<number> } {
  const metrics = new BusMetrics()
  const broker = new RedisBroker({ url, prefix: `health-${randomUUID()}` })
  const bus = new EventBus({ broker, logger: quiet, instrumentation: metrics })
  const handler = fetchHandler(new HealthEndpoints(bus))
  const ask = async (path: string): Promise<number> => (await handler(new Request(`http://here${path}`))).status
  return { bus, metrics, ready: () => ask('/health/ready'), live: () => ask('/health/live') }
}

/** How long until readiness answers this, by asking again and again as a load balancer does. */
async function untilReadyIs(status: number, ready: () => Promise<number>): Promise<number> {
  const began = performance.now()
  await waitFor(async () => (await ready()) === status, { limitMs: 20_000, what: `readiness to answer ${status}` })
  return performance.now() - began
}

it('a server that is frozen is told within five seconds, and so is that it goes on; liveness passes all the while', async () => {
  await using server = await startRedis()
  const { bus, metrics, ready, live } = watchedBus(server.url)
  await using _closed = bus
  await bus.start()
  expect(await ready()).toBe(200)
  server.pause()
  try {
    expect(await untilReadyIs(503, ready)).toBeLessThan(limitMs)
    expect(await live()).toBe(200)
    const { checks } = await bus.health()
    expect(checks['redis:connection']).toMatchObject([{ status: 'fail', output: expect.any(String) }])
    expect(checks['bus:state']).toMatchObject([{ status: 'pass' }])
    expect((await metrics.collect()).find(({ kind }) => kind === 'connected')).toMatchObject({ value: 0 })
  } finally {
    server.resume()
  }
  expect(await untilReadyIs(200, ready)).toBeLessThan(limitMs)
})

it.each(['a black hole', 'cut off'] as const)('a network that is %s is told within five seconds, and so is its end', async (fault) => {
  const { url } = await findServer('redis')
  await using proxy = await FaultProxy.start({ port: Number(new URL(url).port || 6379) })
  const { bus, ready, live } = watchedBus(`redis://127.0.0.1:${proxy.port}`)
  await using _closed = bus
  await bus.start()
  expect(await ready()).toBe(200)
  if (fault === 'a black hole') proxy.blackhole()
  else {
    proxy.refuse()
    proxy.cut()
  }
  expect(await untilReadyIs(503, ready)).toBeLessThan(limitMs)
  expect(await live()).toBe(200)
  proxy.heal()
  expect(await untilReadyIs(200, ready)).toBeLessThan(limitMs)
})

it('a bus that closes is not ready any more, and says nothing of its password', async () => {
  const password = 'correct-horse'
  await using server = await startRedis({ requirePass: password })
  const metrics = new BusMetrics()
  const bus = new EventBus({ broker: new RedisBroker({ url: server.url }), logger: quiet, instrumentation: metrics })
  await bus.start()
  await server.kill()
  await waitFor(async () => (await bus.health()).status === 'fail', { what: 'health to fail' })
  const told = JSON.stringify([await bus.health(), metrics.families()])
  expect(told).not.toContain(password)
  await bus.close({ timeoutMs: 100 })
  expect(await bus.health()).toMatchObject({ status: 'fail', checks: { 'bus:state': [{ observedValue: 'closing' }] } })
})
