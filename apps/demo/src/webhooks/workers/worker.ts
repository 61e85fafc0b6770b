import type { IEventBus } from 'interline'
import { createDemoBus } from '../bus.js'
import type { SecurityAudit } from '../handlers/security-audit.js'
import { handlerNames, subscribeHandlers } from '../handlers/subscriptions.js'
import { BusWatch } from '../ledger/bus-watch.js'
import { RedisLedger } from '../ledger/redis-ledger.js'
import type { Answer, Order, WorkerSettings } from './messages.js'

interface Work {
  readonly bus: IEventBus
  readonly ledger: RedisLedger
  readonly audit: SecurityAudit
}

let work: Work | undefined
let ending: Promise<void> | undefined

async function start({ choice, stumblesOver }: WorkerSettings): Promise<void> {
  const ledger = new RedisLedger(choice.redis, handlerNames, (error) => console.error(`The ledger: ${error.message}`))
  const bus = createDemoBus(choice, undefined, new BusWatch(ledger).instrumentation)
  work = { bus, ledger, audit: await subscribeHandlers(bus, ledger, stumblesOver) }
  await bus.start()
  answer({ kind: 'ready' })
}

/** Lets what runs finish, and gives the rest back to the broker. */
async function stop(): Promise<void> {
  await work?.bus.close()
  await work?.ledger[Symbol.asyncDispose]()
  if (process.connected) process.disconnect()
}

function answer(message: Answer): void {
  process.send?.(message)
}

async function obey(order: Order): Promise<void> {
  if (order.kind === 'start') return start(order.settings)
  if (order.kind === 'stop') return (ending ??= stop())
  work?.audit.learn(order.word, order.severity)
  answer({ kind: 'learned' })
}

process.on('message', (order: Order) => {
  obey(order).catch((thrown: unknown) => {
    answer({ kind: 'failed', message: thrown instanceof Error ? thrown.message : String(thrown) })
    process.exitCode = 1
    process.disconnect()
  })
})
// Ctrl-C reaches every process of the terminal; the parent decides when its workers end
process.on('SIGINT', () => undefined)
process.on('disconnect', () => void (ending ??= stop()))
