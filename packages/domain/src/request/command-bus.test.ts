import {
  EventBus,
  EventTooLargeError,
  isInterlineError,
  PublishError,
  type StandardSchema,
  staticSchema,
  ValidationError,
} from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { VirtualClock } from '@interline/testing'
import { describe, expect, expectTypeOf, test, vi } from 'vitest'
import { CommandBus } from './command-bus.js'
import { QueryBus } from './query-bus.js'
import { defineCommand, defineQuery } from './request.js'

const orderId: StandardSchema<{ readonly orderId: string }, { readonly orderId: string; readonly checked: boolean }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const { orderId } = (value ?? {}) as { readonly orderId?: unknown }
      return typeof orderId === 'string'
        ? { value: { orderId, checked: true } }
        : { issues: [{ message: 'must be text', path: ['orderId'] }] }
    },
  },
}
const PlaceOrder = defineCommand('PlaceOrder', { schema: orderId, result: staticSchema<{ readonly total: number }>() })
const Forget = defineCommand('Forget')
const BalanceOf = defineQuery('BalanceOf', { schema: staticSchema<{ wallet: string }>(), result: staticSchema<number>() })

describe('a command bus without a broker', () => {
  test('gives a command to its handler, and the answer to the caller, with the types of the definition', async () => {
    const commands = new CommandBus()
    await commands.register(PlaceOrder, ({ data, metadata }) => {
      expectTypeOf(data).toEqualTypeOf<{ readonly orderId: string; readonly checked: boolean }>()
      expect(metadata.userId).toBe('u-1')
      return { total: data.checked ? 3 : 0 }
    })
    const answer = await commands.dispatch(PlaceOrder({ orderId: 'o-1' }, { userId: 'u-1' }))
    expectTypeOf(answer).toEqualTypeOf<{ readonly total: number }>()
    expect(answer).toEqual({ total: 3 })
  })

  test('refuses data that does not fit the schema, before the handler', async () => {
    const commands = new CommandBus()
    let ran = 0
    await commands.register(PlaceOrder, () => ({ total: ++ran }))
    const refused = commands.dispatch(PlaceOrder({} as never))
    await expect(refused).rejects.toThrow(ValidationError)
    await expect(refused).rejects.toThrow('command "PlaceOrder"')
    expect(ran).toBe(0)
  })

  test('refuses an answer that does not fit the schema of answers', async () => {
    const commands = new CommandBus()
    await commands.register(defineCommand('Ask', { result: orderId }), () => ({ wrong: true }) as never)
    await expect(commands.dispatch({ type: 'Ask' })).rejects.toThrow('the answer to command "Ask"')
  })

  test('takes plain objects and handler objects, whose validate can refuse', async () => {
    const commands = new CommandBus()
    const handled: unknown[] = []
    await commands.register('CreateUser', {
      validate: async (command) => (command.payload as { name: string }).name !== '',
      handle: async (command) => void handled.push(command.payload, command.id),
    })
    await commands.dispatch({ id: 'c-1', type: 'CreateUser', payload: { name: 'Ada' }, metadata: { correlationId: 'r-1' } })
    await expect(commands.dispatch({ type: 'CreateUser', payload: { name: '' } })).rejects.toThrow(ValidationError)
    expect(handled).toEqual([{ name: 'Ada' }, 'c-1'])
  })

  test('says what is registered where nobody handles a command, and refuses a second handler', async () => {
    const commands = new CommandBus()
    await commands.register(PlaceOrder, () => ({ total: 1 }))
    await expect(commands.dispatch(Forget(undefined))).rejects.toMatchObject({
      code: 'INTERLINE_NO_HANDLER',
      message: expect.stringContaining('PlaceOrder'),
    })
    expect(() => commands.register('PlaceOrder', () => 1)).toThrow('has a handler already')
  })

  test('rejects with the very error of the handler', async () => {
    const commands = new CommandBus()
    const error = new Error('no stock')
    await commands.register(Forget, () => {
      throw error
    })
    await expect(commands.dispatch(Forget(undefined))).rejects.toBe(error)
  })

  test('runs middleware around the handler, the first one outermost', async () => {
    const commands = new CommandBus()
    const seen: string[] = []
    for (const name of ['outer', 'inner']) {
      commands.use(async (context, next) => {
        seen.push(`${name} before ${context.request.type}`)
        const answer = await next()
        seen.push(`${name} after`)
        return answer
      })
    }
    await commands.register(PlaceOrder, () => ({ total: 1 }))
    expect(await commands.dispatch(PlaceOrder({ orderId: 'o-1' }))).toEqual({ total: 1 })
    expect(seen).toEqual(['outer before PlaceOrder', 'inner before PlaceOrder', 'inner after', 'outer after'])
  })

  test('rejects when the time is up, and tells the handler by its signal', async () => {
    const commands = new CommandBus()
    const told = new Promise<AbortSignal>((resolve) => {
      void commands.register(Forget, async (_, { signal }) => {
        await new Promise((end) => signal?.addEventListener('abort', end))
        resolve(signal as AbortSignal)
      })
    })
    await expect(commands.dispatch(Forget(undefined), { timeoutMs: 5 })).rejects.toMatchObject({ code: 'INTERLINE_REQUEST_TIMEOUT' })
    expect((await told).aborted).toBe(true)
  })

  test('refuses queries, commands after close, and sending without a broker', async () => {
    const commands = new CommandBus()
    await commands.register(Forget, () => undefined)
    expect(() => commands.register(BalanceOf, () => 1)).toThrow('by its definition')
    await expect(commands.dispatch(BalanceOf({ wallet: 'w' }))).rejects.toThrow('Give it to the QueryBus')
    await expect(commands.send(Forget(undefined))).rejects.toThrow("can't be sent without a broker")
    await commands.close()
    const refused = commands.dispatch(Forget(undefined))
    await expect(refused).rejects.toMatchObject({ code: 'INTERLINE_CLOSED' })
    await expect(refused.catch(isInterlineError)).resolves.toBe(true)
  })
})

test('a query bus answers with the type of the definition', async () => {
  const queries = new QueryBus()
  await queries.register(BalanceOf, ({ data }) => (data.wallet === 'w-1' ? 7 : 0))
  const balance = await queries.dispatch(BalanceOf({ wallet: 'w-1' }))
  expectTypeOf(balance).toEqualTypeOf<number>()
  expect(balance).toBe(7)
})

test('a handler that the broker did not take can be registered again', async () => {
  await using bus = new EventBus({ broker: new MemoryBroker(), service: 'shop' })
  vi.spyOn(bus, 'subscribe').mockRejectedValueOnce(new Error('the broker is away'))
  await using commands = new CommandBus({ bus, service: 'shop' })
  await expect(commands.register('Again', () => 1)).rejects.toThrow('the broker is away')
  await commands.register('Again', () => 2)
  expect(await commands.dispatch({ type: 'Again', payload: {} })).toBe(2)
})

test('what is dispatched when the bus is closed in the same moment leaves no listener for its answer', async () => {
  await using bus = new EventBus({ broker: new MemoryBroker(), service: 'shop' })
  const subscribed = vi.spyOn(bus, 'subscribe')
  const commands = new CommandBus({ bus, service: 'shop' })
  const asked = commands.dispatch({ type: 'Elsewhere', payload: {} })
  const closed = commands.close()
  await expect(asked).rejects.toThrow('The bus was closed before the request was sent.')
  await closed
  expect(subscribed).not.toHaveBeenCalled()
})

describe('an answer that the broker does not take', () => {
  /** A broker that is away for answers, or never takes them. */
  async function served(publish: (topic: string) => Error | undefined) {
    const clock = new VirtualClock()
    const broker = new MemoryBroker()
    const take = broker.publish.bind(broker)
    vi.spyOn(broker, 'publish').mockImplementation(async (messages) => {
      const error = publish(messages[0]?.topic ?? '')
      if (error !== undefined) throw error
      await take(messages)
    })
    const bus = new EventBus({ broker, service: 'shop', clock })
    const server = new CommandBus({ bus, service: 'shop', clock })
    const client = new CommandBus({ bus, service: 'shop', clock })
    let ran = 0
    await server.register('Charge', () => ++ran)
    await bus.start()
    return { clock, bus, client, runs: () => ran, [Symbol.asyncDispose]: () => bus.close() }
  }

  test('is given to it again, and the handler runs once', async () => {
    let refusals = 0
    await using shop = await served((topic) =>
      topic.startsWith('replies') && ++refusals < 4 ? new PublishError('the broker is away') : undefined,
    )
    const answer = shop.client.dispatch({ type: 'Charge', payload: {} })
    await shop.clock.advance(5_000)
    expect(await answer).toBe(1)
    await shop.clock.advance(60_000)
    expect(shop.runs()).toBe(1)
  })

  test('is not given any more when nobody waits for it, and the handler has run once', async () => {
    await using shop = await served((topic) => (topic.startsWith('replies') ? new PublishError('the broker is away') : undefined))
    const answer = shop.client.dispatch({ type: 'Charge', payload: {} }, { timeoutMs: 2_000 })
    const refused = expect(answer).rejects.toMatchObject({ code: 'INTERLINE_REQUEST_TIMEOUT' })
    await shop.clock.advance(600_000)
    await refused
    expect(shop.runs()).toBe(1)
    expect((await shop.bus.deadLetters.list()).letters).toEqual([])
  })

  test('is a dead letter where it can never travel, and the handler has run once', async () => {
    await using shop = await served((topic) => (topic.startsWith('replies') ? new EventTooLargeError('too large') : undefined))
    const refused = expect(shop.client.dispatch({ type: 'Charge', payload: {} })).rejects.toMatchObject({
      code: 'INTERLINE_REQUEST_TIMEOUT',
    })
    await shop.clock.advance(600_000)
    await refused
    expect(shop.runs()).toBe(1)
    expect((await shop.bus.deadLetters.list()).letters).toMatchObject([{ reason: 'rejected' }])
  })
})
