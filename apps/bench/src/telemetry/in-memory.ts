import { EventBus, type EventBusOptions } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { OrderCreated, order } from '../payload.js'
import type { Contestant } from '../rounds.js'
import type { Watchers } from './watchers.js'

const payload = order(0)

/** One handler that only counts, each publish awaited. */
export async function inMemory(
  { name, instrumentation }: Watchers,
  options: Pick<EventBusOptions, 'codec' | 'dedup'>,
): Promise<Contestant> {
  const bus = new EventBus({ broker: new MemoryBroker(), instrumentation, ...options })
  let handled = 0
  const count = (): void => {
    handled++
  }
  await bus.subscribe(OrderCreated, count, { name: 'count' })
  await bus.start()
  return {
    name,
    async run(events) {
      for (let index = 0; index < events; index++) await bus.publish(OrderCreated(payload))
      await bus.idle()
    },
    check(events) {
      const seen = handled
      handled = 0
      if (seen !== events) throw new Error(`${seen} runs of the handler instead of ${events}.`)
    },
    close: () => bus.close(),
  }
}
