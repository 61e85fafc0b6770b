import { pathToFileURL } from 'node:url'
import { EventBus, type IBroker, type Instrumentation } from '@interline/core'
import { ThingMade } from '../contract/events.js'
import { monotonicMs, pause } from '../waiting/wait-for.js'
import type { Harm, WorkerOrders, WorkerReport } from './worker-messages.js'

/** A consumer in a process of its own, to be ended by `kill -9`, by SIGTERM or by its own handler. */
const orders = JSON.parse(process.argv[2] ?? '') as WorkerOrders
const location = orders.module.includes('://') ? orders.module : pathToFileURL(orders.module).href
const { createBroker } = (await import(location)) as { readonly createBroker: (namespace: string, ...args: readonly string[]) => IBroker }
const instrumentation: Instrumentation = {
  deadLettered: ({ eventId, reason, attempts }) => void tell({ kind: 'buried', eventId, reason, attempts }),
  broker: ({ kind }) => {
    if (kind === 'disconnected') void tell({ kind: 'cut-off' })
  },
  lost: ({ message }) => void tell({ kind: 'lost', id: message.attributes.id ?? '' }),
}
const { name, order, concurrency, service, window, parkAfterMs, dedup, maxAttempts, retryMs = 5 } = orders
const broker = createBroker(orders.namespace, ...orders.args)
const bus = new EventBus({ service, broker, instrumentation, window, parkAfterMs, dedup })
const retry = { maxAttempts, backoff: { type: 'fixed', delayMs: retryMs, jitter: 0 } } as const
await bus.subscribe(
  ThingMade,
  async (event, { attempt }) => {
    const about = { id: event.id, n: event.data.n, key: event.data.key ?? '', attempt }
    await tell({ kind: 'began', ...about, atMs: monotonicMs() })
    const harm = orders.harm?.find(({ n, key }) => n === about.n && key === about.key)
    if (harm !== undefined) await suffer(harm.how)
    await pause(orders.workMs)
    await tell({ kind: 'handled', ...about, atMs: monotonicMs() })
  },
  { name, order, concurrency, failure: { retry, deadLetter: { keepOrder: orders.keepOrder } } },
)
await bus.start()
process.on('disconnect', orphaned)
process.once('SIGTERM', () => void leave())
await tell({ kind: 'ready' })

function orphaned(): void {
  process.exit(0)
}

/** Ends by itself when nothing is open any more, so that what a closed bus forgot is seen as a process that stays. */
async function leave(): Promise<void> {
  process.off('disconnect', orphaned)
  await bus.close()
  process.disconnect()
}

async function suffer(how: Harm['how']): Promise<void> {
  if (how === 'throws') throw new Error('This one can not be taken.')
  if (how === 'exits') process.exit(1)
  if (how === 'memory') exhaustMemory()
  const { harmMs = 0 } = orders
  if (how === 'slow') await pause(harmMs)
  else for (const until = monotonicMs() + harmMs; monotonicMs() < until; );
}

function exhaustMemory(): never {
  for (const held: object[][] = []; ; ) held.push(Array.from({ length: 10_000 }, () => ({})))
}

function tell(report: WorkerReport): Promise<void> {
  return new Promise((resolve, reject) => process.send?.(report, (error: Error | null) => (error === null ? resolve() : reject(error))))
}
