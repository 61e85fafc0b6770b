import { randomUUID } from 'node:crypto'
import { EventBus, type IBroker } from '@interline/core'
import { KafkaBroker } from '@interline/kafka'
import { RabbitMqBroker } from '@interline/rabbitmq'
import { fetchHandler, HealthEndpoints } from '@interline/telemetry'
import { FaultProxy, findServer, startKafka, waitFor } from '@interline/testing'
import { expect, it } from 'vitest'

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** Within which health must tell of a fault, and of its end. */
const limitMs = 5_000

async function until(status: number, ready: () => Promise<number>): Promise<number> {
  const began = performance.now()
  await waitFor(async () => (await ready()) === status, { limitMs: 30_000, what: `readiness to answer ${status}` })
  return performance.now() - began
}

/** Told within five seconds, and so is its end. */
async function toldInTime(broker: IBroker, fault: () => void, heal: () => void): Promise<void> {
  await using bus = new EventBus({ broker, logger: quiet })
  await bus.start()
  const handler = fetchHandler(new HealthEndpoints(bus))
  const ask = async (path: string): Promise<number> => (await handler(new Request(`http://here${path}`))).status
  expect(await ask('/health/ready')).toBe(200)
  fault()
  try {
    expect(await until(503, () => ask('/health/ready'))).toBeLessThan(limitMs)
    expect(await ask('/health/live')).toBe(200)
    expect((await bus.health()).checks[`${broker.name}:connection`]).toMatchObject([{ status: 'fail', output: expect.any(String) }])
  } finally {
    heal()
  }
  expect(await until(200, () => ask('/health/ready'))).toBeLessThan(limitMs)
}

it.each(['a black hole', 'cut off'] as const)('RabbitMQ behind a network that is %s', async (fault) => {
  const { url } = await findServer('rabbitmq')
  await using proxy = await FaultProxy.start({ port: Number(new URL(url).port || 5672) })
  const through = new URL(url)
  through.hostname = '127.0.0.1'
  through.port = String(proxy.port)
  const broker = new RabbitMqBroker({ url: through.href, prefix: `health-${randomUUID()}` })
  const begin = (): void => {
    if (fault === 'a black hole') proxy.blackhole()
    else {
      proxy.refuse()
      proxy.cut()
    }
  }
  await toldInTime(broker, begin, () => proxy.heal())
})

it('Kafka that is frozen and goes on', async () => {
  await using server = await startKafka()
  const broker = new KafkaBroker({ brokers: server.brokers, prefix: `health-${randomUUID()}` })
  await toldInTime(
    broker,
    () => server.pause(),
    () => server.resume(),
  )
})
