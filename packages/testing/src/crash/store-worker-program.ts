import { pathToFileURL } from 'node:url'
import { type IEventStore, withStoredEvents } from '@interline/core'
import type { StoreWorkerOrders, StoreWorkerReport } from './store-worker.js'

/** A subscription in a process of its own, to be ended by `kill -9`. */
const orders = JSON.parse(process.argv[2] ?? '') as StoreWorkerOrders
const location = orders.module.includes('://') ? orders.module : pathToFileURL(orders.module).href
const { createStore } = (await import(location)) as {
  readonly createStore: (namespace: string, ...args: readonly string[]) => IEventStore
}
const store = withStoredEvents(createStore(orders.namespace, ...orders.args), {})
const { name, leaseMs } = orders
await store.subscribe({ name, leaseMs, pollMs: 20, batchSize: 10 }, (_event, { recorded }) =>
  tell({ kind: 'handled', position: recorded.position }),
)
await tell({ kind: 'ready' })
process.on('disconnect', () => process.exit(0))

function tell(report: StoreWorkerReport): Promise<void> {
  return new Promise((resolve, reject) => process.send?.(report, (error: Error | null) => (error === null ? resolve() : reject(error))))
}
