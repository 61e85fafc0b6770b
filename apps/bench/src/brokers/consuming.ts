import type { EventBus } from '@interline/core'
import { Arrivals, OrderCreated, order } from '../payload.js'
import type { Contestant } from '../rounds.js'

/** How many events are put there at a time, before the clock runs. */
export const fillSize = 1_000

/** The numbers of events to put there, a batch at a time. */
export function* fillings(events: number): Generator<readonly number[]> {
  for (let first = 0; first < events; first += fillSize) {
    yield Array.from({ length: Math.min(fillSize, events - first) }, (_, index) => first + index)
  }
}

/** What waits for its group is handled, until everything is acknowledged. */
export async function busThatConsumes(bus: EventBus, name: string): Promise<Contestant> {
  const arrivals = new Arrivals()
  const subscription = await bus.subscribe(OrderCreated, ({ data }) => arrivals.arrived(data), { name: 'count' })
  await bus.start()
  return {
    name,
    async prepare(events) {
      arrivals.expect(events)
      subscription.pause()
      for (const numbers of fillings(events)) await bus.publishBatch(numbers.map((number) => OrderCreated(order(number))))
    },
    async run() {
      subscription.resume()
      await arrivals.done
      await bus.idle()
    },
    check: () => arrivals.check(),
    close: () => bus.close(),
  }
}
