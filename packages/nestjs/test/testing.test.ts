import { Injectable, Module } from '@nestjs/common'
import { Test } from '@nestjs/testing'
import { EventHandler, MemoryBroker } from 'interline'
import { expect, it } from 'vitest'
import { getEventBusToken, IEventBus, InterlineModule } from '../src/index.js'
import { overrideEventBus } from '../src/testing/index.js'
import { Journal, OrderMail, OrderPlaced } from './orders.js'

const DAY = 86_400_000

@Injectable()
@EventHandler(OrderPlaced, { failure: { retry: { maxAttempts: 3, backoff: { type: 'fixed', delayMs: DAY } } } })
class Reminder {
  readonly attempts: number[] = []

  handle(_event: object, { attempt }: { readonly attempt: number }): void {
    this.attempts.push(attempt)
    if (attempt < 3) throw new Error('not yet')
  }
}

class Unreachable extends MemoryBroker {
  override connect(): Promise<void> {
    return Promise.reject(new Error('the real broker was asked'))
  }
}

@Module({
  imports: [
    InterlineModule.forRoot({ service: 'shop', broker: new Unreachable() }),
    InterlineModule.forRoot({ service: 'shop', name: 'audit', broker: new Unreachable() }),
  ],
  providers: [Journal, OrderMail, Reminder],
})
class AppModule {}

it('a test puts buses with virtual time in the place of those of the application', async () => {
  const builder = Test.createTestingModule({ imports: [AppModule] })
  const test = overrideEventBus(builder)
  const audit = overrideEventBus(builder, { bus: 'audit', service: 'audit' })
  const app = await builder.compile()
  await app.init()
  expect(app.get('EventBus', { strict: false })).toBe(test.bus)
  expect(app.get(IEventBus, { strict: false })).toBe(test.bus)
  expect(app.get(getEventBusToken('audit'), { strict: false })).toBe(audit.bus)

  await test.publish(OrderPlaced({ orderId: 'o-1' }))
  expect(app.get(Journal, { strict: false }).lines).toEqual(['mail for o-1'])
  await test.advance(2 * DAY)
  expect(app.get(Reminder, { strict: false }).attempts).toEqual([1, 2, 3])
  expect(test.expectPublished(OrderPlaced).data.orderId).toBe('o-1')
  audit.expectNotPublished(OrderPlaced)
  await app.close()
  await expect(test.publish(OrderPlaced({ orderId: 'o-2' }))).rejects.toThrow('closed')
})

it('an application ends although a retry of its test is still to come', async () => {
  const builder = Test.createTestingModule({ imports: [AppModule] })
  const test = overrideEventBus(builder)
  overrideEventBus(builder, { bus: 'audit' })
  const app = await builder.compile()
  await app.init()
  await test.publish(OrderPlaced({ orderId: 'o-1' }))
  await app.close()
  expect(app.get(Reminder, { strict: false }).attempts).toEqual([1])
})
