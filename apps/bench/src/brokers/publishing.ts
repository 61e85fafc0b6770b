import type { EventBus } from '@interline/core'
import { Arrivals, OrderCreated, order } from '../payload.js'
import type { Contestant } from '../rounds.js'

/** Publishes the orders of these numbers. */
export type Send = (numbers: readonly number[]) => Promise<unknown>
/** How a run makes use of it. */
export type Way = (send: Send) => Contestant['run']

const concurrency = 100
const batchSize = 100

/** 100 calls of `send` with one event each are under way at any time. */
export const concurrently: Way = (send) => async (events) => {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < events) await send([next++])
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

/** One batch after the other. */
export const inBatches: Way = (send) => async (events) => {
  for (let first = 0; first < events; first += batchSize) {
    await send(Array.from({ length: Math.min(batchSize, events - first) }, (_, index) => first + index))
  }
}

/** A group waits for the events all the while, so that nothing is thrown away; it takes them when the clock has stopped. */
export async function busThatPublishes(bus: EventBus, name: string, way: Way): Promise<Contestant> {
  const arrivals = new Arrivals()
  const subscription = await bus.subscribe(OrderCreated, ({ data }) => arrivals.arrived(data), { name: 'check' })
  await bus.start()
  subscription.pause()
  const send: Send = (numbers) => {
    const [first = 0] = numbers
    return numbers.length === 1
      ? bus.publish(OrderCreated(order(first)))
      : bus.publishBatch(numbers.map((number) => OrderCreated(order(number))))
  }
  return {
    name,
    run: way(send),
    async check(events) {
      arrivals.expect(events)
      subscription.resume()
      await arrivals.done
      await bus.idle()
      subscription.pause()
      arrivals.check()
    },
    close: () => bus.close(),
  }
}
