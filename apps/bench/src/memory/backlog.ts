import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { defineEvent, EventBus, staticSchema } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { type Order, order } from '../payload.js'

export interface Backlog {
  readonly title: string
  readonly waitingEvents: number
  /** Growth of the heap over the empty bus. */
  readonly heapMiB: number
  readonly bytesPerEvent: number
  /** When all were handled. */
  readonly heapAfterwardsMiB: number
}

const OrderPlaced = defineEvent('bench.OrderPlaced', { topic: 'bench.placed', schema: staticSchema<Order>() })
const mebibyte = 1_048_576

/** Events that wait for a handler which does not come to its end, each with a payload of its own. */
export async function backlog(waitingEvents: number): Promise<Backlog> {
  await using bus = new EventBus({ broker: new MemoryBroker() })
  let open: () => void = () => undefined
  const gate = new Promise<void>((resolve) => (open = resolve))
  let handled = 0
  await bus.subscribe(OrderPlaced, () => gate.then(() => void handled++), { name: 'slow' })
  await bus.start()
  const empty = heapUsed()
  for (let index = 0; index < waitingEvents; index++) await bus.publish(OrderPlaced(order(index)))
  const full = heapUsed()
  open()
  await bus.idle()
  const afterwards = heapUsed()
  if (handled !== waitingEvents) throw new Error(`${handled} events were handled instead of ${waitingEvents}.`)
  return {
    title: `In memory, ${waitingEvents.toLocaleString('en')} events waiting for a slow handler`,
    waitingEvents,
    heapMiB: (full - empty) / mebibyte,
    bytesPerEvent: (full - empty) / waitingEvents,
    heapAfterwardsMiB: (afterwards - empty) / mebibyte,
  }
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function heapUsed(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}
