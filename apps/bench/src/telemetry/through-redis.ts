import { randomUUID } from 'node:crypto'
import { Arrivals, OrderCreated, order } from '../payload.js'
import type { Server } from '../redis/server.js'
import type { Contestant } from '../rounds.js'
import type { Watchers } from './watchers.js'

const together = 100

/** From publish to handler, a hundred at a time. */
export async function throughRedis({ name, instrumentation }: Watchers, server: Server): Promise<Contestant> {
  const bus = server.bus(randomUUID(), { instrumentation })
  const arrivals = new Arrivals()
  await bus.subscribe(OrderCreated, ({ data }) => arrivals.arrived(data), { name: 'count' })
  await bus.start()
  return {
    name,
    prepare: async (events) => arrivals.expect(events),
    async run(events) {
      for (let first = 0; first < events; first += together) {
        const numbers = Array.from({ length: Math.min(together, events - first) }, (_, index) => first + index)
        await Promise.all(numbers.map((number) => bus.publish(OrderCreated(order(number)))))
      }
      await arrivals.done
    },
    check: () => arrivals.check(),
    close: () => bus.close(),
  }
}
