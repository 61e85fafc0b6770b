import { randomUUID } from 'node:crypto'
import { freePort, type PrivateKafka, startKafka } from '@interline/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type BrokerConfig, type BusConfig, connectAdmin, createBus, defineEvent, EventBusFactory, staticSchema } from '../src/index.js'

const OrderPlaced = defineEvent('ByKafkaPlaced', {
  topic: 'bykafka.placed',
  schema: staticSchema<{ orderId: string }>(),
  key: (data) => data.orderId,
})

let server: PrivateKafka
beforeAll(async () => {
  server = await startKafka()
}, 60_000)
afterAll(() => server.close())

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
})
const opened = <Closable extends { close(): Promise<void> }>(closable: Closable): Closable => {
  open.push(closable)
  return closable
}

const onKafka = (): Extract<BrokerConfig, { type: 'kafka' }> => ({
  type: 'kafka',
  kafka: { brokers: server.brokers, clientId: 'shop', groupId: 'mails', prefix: `it-${randomUUID()}.`, partitions: 2 },
})

describe('the same code on Kafka by configuration alone', () => {
  it.each<[string, () => BusConfig]>([
    ['kafka', () => ({ broker: onKafka() })],
    ['memory and kafka', () => ({ broker: onKafka(), hybrid: true })],
    ['kafka by platformatic', () => ({ broker: { type: 'kafka', kafka: { ...onKafka().kafka, driver: 'platformatic' } } })],
  ])('works on %s, with the group as the name of the service', async (_what, config) => {
    const settings = config()
    const bus = opened(createBus({ retry: { maxAttempts: 2, backoff: { delayMs: 5 } }, ...settings }))
    const seen: string[] = []
    await bus.subscribe(
      OrderPlaced,
      ({ data }, { attempt }) => {
        seen.push(`${data.orderId} ${attempt}`)
        if (data.orderId === 'bad') throw new Error('no')
      },
      { name: 'mail' },
    )
    await bus.start()
    await bus.publish(OrderPlaced({ orderId: 'good' }))
    await bus.publish(OrderPlaced({ orderId: 'bad' }))
    await expect.poll(() => [...seen].sort(), { timeout: 10_000 }).toEqual(['bad 1', 'bad 2', 'good 1'])
    await expect.poll(() => bus.deadLetters.count(), { timeout: 10_000 }).toBe(1)
    expect(await bus.deadLetters.list()).toMatchObject({ letters: [{ group: 'mails', handler: 'mail', attempts: 2 }] })
    const admin = opened(await connectAdmin(settings))
    expect(await admin.groups.list()).toMatchObject([{ group: 'mails', destination: 'bykafka', lag: 0 }])
  })

  it('rejects start within the deadline where nobody listens', async () => {
    const brokers = [`127.0.0.1:${await freePort()}`]
    const bus = opened(EventBusFactory.create({ connectTimeoutMs: 5_000, broker: { type: 'kafka', kafka: { brokers } } }))
    await expect(bus.start()).rejects.toMatchObject({ code: 'INTERLINE_CONNECTION', retryable: true })
  })

  it('refuses what is no option, with its path', () => {
    const kafka = { brokers: ['kafka1:9092'], partition: 3 } as object
    expect(() => createBus({ broker: { type: 'kafka', kafka } })).toThrow(/broker\.kafka\.partition.*partitions/)
  })
})
