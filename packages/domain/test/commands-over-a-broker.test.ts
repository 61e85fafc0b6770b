import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { EventBus, type IBroker, staticSchema, ValidationError } from '@interline/core'
import { RedisBroker } from '@interline/redis'
import { type PrivateRedis, startRedis, waitFor } from '@interline/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CommandBus, defineCommand, defineQuery, QueryBus } from '../src/index.js'

const PlaceOrder = defineCommand('PlaceOrder', {
  schema: staticSchema<{ orderId: string }>(),
  result: staticSchema<{ total: number; by: string }>(),
  key: ({ orderId }) => orderId,
})
const TotalOf = defineQuery('TotalOf', { schema: staticSchema<{ orderId: string }>(), result: staticSchema<number>() })

let redis: PrivateRedis
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.close())

/** A service as one process of it: its own connections, its own buses. */
class Service implements AsyncDisposable {
  readonly bus: EventBus
  readonly commands: CommandBus
  readonly queries: QueryBus

  constructor(service: string, prefix: string) {
    const broker: IBroker = new RedisBroker({ port: redis.port, prefix, partitions: 1, blockMs: 100, claimIdleMs: 500 })
    this.bus = new EventBus({ service, broker, retry: { maxAttempts: 3, backoff: { delayMs: 5 } } })
    this.commands = new CommandBus({ bus: this.bus, service })
    this.queries = new QueryBus({ bus: this.bus, service })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.commands.close(), this.queries.close()])
    await this.bus.close()
  }
}

const prefix = (): string => `interline-${randomUUID()}`

test('a command goes to the process that serves it, and its answer back to the one that asked', async () => {
  const here = prefix()
  await using orders = new Service('orders', here)
  await using shop = new Service('shop', here)
  await using otherShop = new Service('shop', here)
  await orders.commands.register(PlaceOrder, ({ data, metadata }) => ({ total: data.orderId.length, by: `${metadata.userId}` }))
  await orders.bus.start()
  const answers = await Promise.all(
    [shop, otherShop].flatMap(({ commands }, at) =>
      Array.from({ length: 20 }, (_, index) => commands.dispatch(PlaceOrder({ orderId: 'o'.repeat(index) }, { userId: `u-${at}` }))),
    ),
  )
  expect(answers).toEqual([0, 1].flatMap((at) => Array.from({ length: 20 }, (_, index) => ({ total: index, by: `u-${at}` }))))
})

test('processes that serve the same command compete for it, and each command runs once', async () => {
  const here = prefix()
  await using first = new Service('orders', here)
  await using second = new Service('orders', here)
  await using shop = new Service('shop', here)
  let ran = 0
  for (const { commands, bus } of [first, second]) {
    await commands.register(PlaceOrder, () => ({ total: ++ran, by: 'one of two' }))
    await bus.start()
  }
  await Promise.all(Array.from({ length: 50 }, (_, index) => shop.commands.dispatch(PlaceOrder({ orderId: `o-${index}` }))))
  expect(ran).toBe(50)
})

test('an error of the handler is the error of the caller: once, with its code, and validation stays validation', async () => {
  const here = prefix()
  await using orders = new Service('orders', here)
  await using shop = new Service('shop', here)
  let ran = 0
  await orders.commands.register(PlaceOrder, ({ data }) => {
    ran++
    if (data.orderId === 'refused') throw new ValidationError('no such article', [{ path: 'article', message: 'unknown' }])
    throw Object.assign(new TypeError('out of stock'), { code: 'STOCK' })
  })
  await orders.bus.start()
  await expect(shop.commands.dispatch(PlaceOrder({ orderId: 'o-1' }))).rejects.toMatchObject({
    message: 'out of stock',
    code: 'INTERLINE_REMOTE_HANDLER',
    remoteName: 'TypeError',
    remoteCode: 'STOCK',
  })
  const refused = shop.commands.dispatch(PlaceOrder({ orderId: 'refused' }))
  await expect(refused).rejects.toThrow(ValidationError)
  await expect(refused).rejects.toMatchObject({ issues: [{ path: 'article', message: 'unknown' }] })
  expect(ran).toBe(2)
  const { letters } = await orders.bus.deadLetters.list()
  expect(letters).toEqual([])
})

test('an answer that cannot travel is an error of the caller, not silence', async () => {
  const here = prefix()
  await using orders = new Service('orders', here)
  await using shop = new Service('shop', here)
  const endless: { self?: unknown } = {}
  endless.self = endless
  await orders.queries.register(TotalOf, () => endless as never)
  await orders.bus.start()
  await expect(shop.queries.dispatch(TotalOf({ orderId: 'o-1' }))).rejects.toMatchObject({ remoteCode: 'INTERLINE_ENCODE' })
})

test('nobody answers: the caller is told in time, and what comes later is not handled for nobody', async () => {
  const here = prefix()
  await using shop = new Service('shop', here)
  const asked = performance.now()
  await expect(shop.commands.dispatch(PlaceOrder({ orderId: 'late' }), { timeoutMs: 200 })).rejects.toMatchObject({
    code: 'INTERLINE_REQUEST_TIMEOUT',
  })
  expect(performance.now() - asked).toBeLessThan(5_000)
  await waitFor(() => performance.now() - asked > 1_300, { limitMs: 5_000 })
  await using orders = new Service('orders', here)
  const handled: string[] = []
  await orders.commands.register(PlaceOrder, ({ data }) => {
    handled.push(data.orderId)
    return { total: 1, by: 'orders' }
  })
  await orders.bus.start()
  await shop.commands.dispatch(PlaceOrder({ orderId: 'now' }))
  expect(handled).toEqual(['now'])
})

test('a command that was sent before anybody served it is handled later, and retried like an event', async () => {
  const here = prefix()
  await using shop = new Service('shop', here)
  await shop.commands.send(PlaceOrder({ orderId: 'sent' }))
  await using orders = new Service('orders', here)
  const attempts: string[] = []
  await orders.commands.register(PlaceOrder, ({ data }) => {
    attempts.push(data.orderId)
    if (attempts.length < 3) throw new Error('not yet')
    return { total: 1, by: 'orders' }
  })
  await orders.bus.start()
  await waitFor(() => attempts.length === 3, { limitMs: 10_000 })
  expect(attempts).toEqual(['sent', 'sent', 'sent'])
})

test('a signal ends the waiting, and close rejects what still waits', async () => {
  const here = prefix()
  await using orders = new Service('orders', here)
  const shop = new Service('shop', here)
  const release = new AbortController()
  let began = 0
  await orders.commands.register(PlaceOrder, async () => {
    began++
    await new Promise((end) => release.signal.addEventListener('abort', end))
    return { total: 1, by: 'orders' }
  })
  await orders.bus.start()
  const stop = new AbortController()
  const stopped = shop.commands.dispatch(PlaceOrder({ orderId: 'o-1' }), { signal: stop.signal })
  const waiting = shop.commands.dispatch(PlaceOrder({ orderId: 'o-2' }))
  await waitFor(() => began === 2, { limitMs: 10_000 })
  stop.abort(new Error('the user left'))
  await expect(stopped).rejects.toThrow('the user left')
  const closing = shop[Symbol.asyncDispose]()
  await expect(waiting).rejects.toMatchObject({ code: 'INTERLINE_CLOSED' })
  release.abort()
  await closing
})

test('a process that dies with a command in hand: another one answers', async () => {
  const here = prefix()
  const child = fork(new URL('./serve-orders.mjs', import.meta.url), [JSON.stringify({ port: redis.port, prefix: here })], { execArgv: [] })
  const heard: unknown[] = []
  child.on('message', (message) => heard.push(message))
  await waitFor(() => heard.includes('ready'), { limitMs: 10_000 })
  await using shop = new Service('shop', here)
  const answer = shop.commands.dispatch({ type: 'Slow' }, { timeoutMs: 15_000 })
  await waitFor(() => heard.includes('began'), { limitMs: 10_000 })
  await using orders = new Service('orders', here)
  await orders.commands.register('Slow', () => 'from another process')
  await orders.bus.start()
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await answer).toBe('from another process')
})
