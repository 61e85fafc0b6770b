import { pathToFileURL } from 'node:url'
import { type ILogger, type IOutbox, systemClock, type WireMessage } from '@interline/core'
import { arrivalOf } from './recording-outlet.js'
import type { RelayOrders } from './relay-process.js'

/** A relay in a process of its own, to be ended by `kill -9`. Its broker is the parent process, which has what it was told. */
const orders = JSON.parse(process.argv[2] ?? '') as RelayOrders
const location = orders.module.includes('://') ? orders.module : pathToFileURL(orders.module).href
const { createOutbox } = (await import(location)) as { readonly createOutbox: (namespace: string, ...args: readonly string[]) => IOutbox }
const silent: ILogger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

function tell(report: unknown): Promise<void> {
  return new Promise((resolve, reject) => process.send?.(report, (error: Error | null) => (error === null ? resolve() : reject(error))))
}

await createOutbox(orders.namespace, ...orders.args).start({
  clock: systemClock,
  logger: silent,
  check: () => undefined,
  publish: (messages: readonly WireMessage[]) => tell(messages.map(arrivalOf)),
  health: async () => ({ status: 'pass' }),
})
process.on('disconnect', () => process.exit(0))
