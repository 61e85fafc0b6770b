import { defineEvent, staticSchema } from '@interline/core'
import { defineSaga } from '@interline/domain'
import { testBus } from '@interline/testing'
import { expect, test } from 'vitest'

const DAY = 86_400_000
const OrderCreated = defineEvent('TimedOrderCreated', { schema: staticSchema<{ orderId: string }>() })
const Paid = defineEvent('TimedPaid', { schema: staticSchema<{ orderId: string }>() })
const Reminded = defineEvent('TimedReminded', { schema: staticSchema<{ orderId: string }>() })
const Cancelled = defineEvent('TimedCancelled', { schema: staticSchema<{ orderId: string }>() })

const Payment = defineSaga('TimedPayment', {
  state: staticSchema<{ orderId: string }>(),
  start: OrderCreated,
  correlate: (event) => event.data.orderId,
  steps: (step, delay) => [
    delay('a week', 7 * DAY),
    step('remind', ({ orderId }, saga) => saga.publish(Reminded({ orderId }))),
    delay('another week', 7 * DAY),
    step('cancel', async ({ orderId }, saga) => {
      await saga.publish(Cancelled({ orderId }))
      saga.complete()
    }),
  ],
  on: (when) => [when(Paid, (_state, _event, saga) => saga.complete())],
})

test('weeks of a saga pass in milliseconds, each thing at its time', async () => {
  await using test = await testBus({ sagas: [Payment] })
  await test.publish(OrderCreated({ orderId: 'o-1' }))
  await test.publish(OrderCreated({ orderId: 'o-2' }))
  await test.advance(7 * DAY - 1)
  test.expectNotPublished(Reminded)
  await test.advance(1)
  expect(test.expectPublished(Reminded).data.orderId).toBe('o-1')
  await test.publish(Paid({ orderId: 'o-2' }))
  await test.advance(7 * DAY)
  expect(test.expectPublished(Cancelled).data.orderId).toBe('o-1')
  test.expectNotPublished(Cancelled, ({ data }) => data.orderId === 'o-2')
  expect(await test.sagas.find('TimedPayment', 'o-2')).toMatchObject({ status: 'completed', done: ['a week', 'remind'] })
  expect(test.deadLetters).toEqual([])
})
