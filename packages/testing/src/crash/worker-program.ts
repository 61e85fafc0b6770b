import { pathToFileURL } from 'node:url'
import { EventBus, type IBroker, type Instrumentation } from '@interline/core'
import { ThingMade } from '../contract/events.js'
import type { WorkerOrders, WorkerReport } from './worker-messages.js'

/** A consumer in a process of its own, to be ended by `kill -9` or by its own handler. */
const orders = JSON.parse(process.argv[2] ?? '') as WorkerOrders
const location = orders.module.includes('://') ? orders.module : pathToFileURL(orders.module).href
const { createBroker } = (await import(location)) as { readonly createBroker: (namespace: string, ...args: readonly string[]) => IBroker }
const instrumentation: Instrumentation = {
  deadLettered: ({ eventId, reason, attempts }) => void tell({ kind: 'buried', eventId, reason, attempts }),
}
const bus = new EventBus({ service: orders.service, broker: createBroker(orders.namespace, ...orders.args), instrumentation })
const retry = { maxAttempts: orders.maxAttempts, backoff: { type: 'fixed', delayMs: 5, jitter: 0 } } as const
const { name, order, concurrency } = orders
await bus.subscribe(
  ThingMade,
  async (event, { attempt }) => {
    const about = { id: event.id, n: event.data.n, key: event.data.key ?? '', attempt }
    const isThat = (one: WorkerOrders['poison']): boolean => one?.n === about.n && one.key === about.key
    await tell({ kind: 'began', ...about })
    if (isThat(orders.poison)) process.exit(1)
    if (isThat(orders.failing)) throw new Error('This one can not be taken.')
    await new Promise((resolve) => setTimeout(resolve, orders.workMs))
    await tell({ kind: 'handled', ...about })
  },
  { name, order, concurrency, failure: { retry, deadLetter: { keepOrder: orders.keepOrder } } },
)
await bus.start()
await tell({ kind: 'ready' })
process.on('disconnect', () => process.exit(0))

function tell(report: WorkerReport): Promise<void> {
  return new Promise((resolve, reject) => process.send?.(report, (error: Error | null) => (error === null ? resolve() : reject(error))))
}
