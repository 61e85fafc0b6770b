import { MemoryDeadLetterStore } from '@interline/memory'
import { type PrivateNats, startNats } from '@interline/testing'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type BusConfig, createBus, defineEvent, staticSchema } from '../src/index.js'

const OrderPlaced = defineEvent('NatsOrderPlaced', { topic: 'natsorders.placed', schema: staticSchema<{ orderId: string }>() })
const password = 'pass:word/@'

let nats: PrivateNats
const open: { close(): Promise<void> }[] = []
beforeAll(async () => {
  nats = await startNats({ user: 'shop', password })
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
})
afterAll(() => nats.close())

it('a bus works on NATS by configuration alone, and keeps dead letters where it is told', async () => {
  const config: BusConfig = { service: 'shop', broker: { type: 'nats', nats: { url: nats.url } }, deadLetters: new MemoryDeadLetterStore() }
  const bus = createBus({ ...config, retry: { maxAttempts: 2, backoff: { delayMs: 5 } } })
  open.push(bus)
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
  await bus.publishBatch([OrderPlaced({ orderId: 'good' }), OrderPlaced({ orderId: 'bad' })])
  await expect.poll(() => [...seen].sort(), { timeout: 10_000 }).toEqual(['bad 1', 'bad 2', 'good 1'])
  await expect.poll(() => bus.deadLetters.count(), { timeout: 10_000 }).toBe(1)
})

it('a wrong password is told without being shown', async () => {
  const bus = createBus({
    broker: { type: 'nats', nats: { url: `nats://127.0.0.1:${nats.port}`, user: 'shop', password: 'wrong-s3cret' } },
  })
  open.push(bus)
  await expect(bus.start()).rejects.toThrow(/^(?!.*s3cret).*can not be used: .*[Aa]uthorization/)
})
