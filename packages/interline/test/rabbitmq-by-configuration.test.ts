import { randomUUID } from 'node:crypto'
import { freePort } from '@interline/testing'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type BrokerConfig,
  configFromEnv,
  connectAdmin,
  createBus,
  defineEvent,
  EventBusFactory,
  type IEventBus,
  isInterlineError,
  staticSchema,
} from '../src/index.js'

const OrderPlaced = defineEvent('OnRabbitMqPlaced', {
  topic: 'onrabbitmq.placed',
  schema: staticSchema<{ orderId: string }>(),
  key: (data) => data.orderId,
})
const url = process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
})
const opened = <Closable extends { close(): Promise<void> }>(closable: Closable): Closable => {
  open.push(closable)
  return closable
}

/** Two partitions make few queues; the group is removed by the test that made it. */
const onRabbitMq = (prefix = `interline-${randomUUID()}`): Extract<BrokerConfig, { type: 'rabbitmq' }> => ({
  type: 'rabbitmq',
  rabbitmq: { url, prefix, partitions: 2 },
})

async function startFailure(broker: BrokerConfig): Promise<Error> {
  const bus = opened(EventBusFactory.create({ connectTimeoutMs: 5_000, broker }))
  const error = await bus.start().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(isInterlineError(error), String(error)).toBe(true)
  return error as Error
}

describe('a bus on RabbitMQ by configuration', () => {
  it.each([false, true])('handles, retries and shows itself to an admin; hybrid: %s', async (hybrid) => {
    const broker = onRabbitMq()
    const bus: IEventBus = opened(createBus({ service: 'shop', broker, hybrid, retry: { maxAttempts: 2, backoff: { delayMs: 5 } } }))
    const seen: string[] = []
    await bus.subscribe(
      OrderPlaced,
      ({ data }, { attempt }) => {
        seen.push(`${data.orderId} ${attempt}`)
        if (data.orderId === 'twice' && attempt === 1) throw new Error('not yet')
      },
      { name: 'mail' },
    )
    await bus.start()
    await bus.publish(OrderPlaced({ orderId: 'once' }))
    await bus.publish(OrderPlaced({ orderId: 'twice' }))
    await expect.poll(() => [...seen].sort(), { timeout: 10_000 }).toEqual(['once 1', 'twice 1', 'twice 2'])
    await bus.close()
    const admin = opened(await connectAdmin({ service: 'shop', broker }))
    expect(await admin.topics.list()).toEqual(['onrabbitmq'])
    expect(await admin.groups.list()).toMatchObject([{ group: 'shop', destination: 'onrabbitmq', lag: 0, consumers: 0 }])
    expect(await admin.groups.remove('shop')).toBe(1)
    expect(await admin.groups.list()).toEqual([])
  })

  it('takes the names that the environment has for it', () => {
    const { broker } = configFromEnv({ RABBITMQ_URL: 'amqp://a:b@host:5673/shop' })
    expect(broker).toEqual({ type: 'rabbitmq', rabbitmq: { url: 'amqp://a:b@host:5673/shop' } })
  })

  it.each([
    [{ deadLetter: { exchange: 'dlx', routingKey: 'dead' }, partitions: 0 }, /broker.rabbitmq.partitions/],
    [{ deadLetter: { queue: 'dead' } }, /broker.rabbitmq.deadLetter.queue/],
  ])('refuses what RabbitMQ does not know: %o', (rabbitmq, message) => {
    expect(() => createBus({ broker: { type: 'rabbitmq', rabbitmq: rabbitmq as object } })).toThrow(message)
  })
})

describe('a RabbitMQ that can not be used', () => {
  it('rejects start within the deadline where nobody listens', async () => {
    const error = await startFailure({ type: 'rabbitmq', rabbitmq: { port: await freePort() } })
    expect(error).toMatchObject({ code: 'INTERLINE_CONNECTION', retryable: true })
  })

  it('rejects start without showing the password where it is wrong', async () => {
    const { hostname, port } = new URL(url)
    const where = { host: hostname, port: Number(port === '' ? 5672 : port) }
    const error = await startFailure({ type: 'rabbitmq', rabbitmq: { ...where, password: 'wrong-s3cret' } })
    expect(error.message).not.toContain('s3cret')
    const byUrl = await startFailure({ type: 'rabbitmq', rabbitmq: { url: `amqp://guest:wrong-s3cret@${where.host}:${where.port}` } })
    expect(byUrl.message).not.toContain('s3cret')
  })
})
