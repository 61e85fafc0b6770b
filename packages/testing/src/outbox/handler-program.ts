import { pathToFileURL } from 'node:url'
import type { HandlerOrders, HandlerReport, HandlerStep } from './handler-process.js'
import { entry } from './inbox-cases.js'
import type { TestedInbox } from './tested-inbox.js'

/** Handles events one after the other through an inbox, and at any step ends as by `kill -9`. */
const orders = JSON.parse(process.argv[2] ?? '') as HandlerOrders
const location = orders.module.includes('://') ? orders.module : pathToFileURL(orders.module).href
const { createInbox } = (await import(location)) as { readonly createInbox: (namespace: string, ...args: readonly string[]) => TestedInbox }
const tested = createInbox(orders.namespace, ...orders.args)

function tell(report: HandlerReport): Promise<void> {
  return new Promise((resolve, reject) => process.send?.(report, (error: Error | null) => (error === null ? resolve() : reject(error))))
}

async function perhapsDie(step: HandlerStep, index: number): Promise<void> {
  if (orders.kill?.step !== step || orders.kill.index !== index) return
  await tell({ kind: 'step', step })
  process.kill(process.pid, 'SIGKILL')
  await new Promise(() => undefined)
}

for (const [index, n] of orders.numbers.entries()) {
  await perhapsDie('begun', index)
  await tested.inbox.handleOnce(entry(n), async (transaction) => {
    await perhapsDie('claimed', index)
    await tested.effect(transaction, n)
    await perhapsDie('done', index)
  })
  await perhapsDie('committed', index)
  await tell({ kind: 'acknowledged', n })
}
await tested.close()
process.disconnect()
