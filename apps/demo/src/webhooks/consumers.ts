import type { IEventBus } from 'interline'
import type { BrokerChoice } from '../places/choices.js'
import type { Severity } from './handlers/severity-scale.js'
import { subscribeHandlers } from './handlers/subscriptions.js'
import type { Ledger } from './ledger/ledger.js'
import { WorkerPool } from './workers/worker-pool.js'

/** Where the handlers run. */
export interface Consumers extends AsyncDisposable {
  /** Processes that ended before they were told to. */
  readonly died: number
  /** Teaches every audit a word for a severity. */
  learn(word: string, severity: Severity): Promise<void>
}

export interface ConsumersOptions {
  readonly choice: BrokerChoice
  readonly workers: number
  readonly bus: IEventBus
  readonly ledger: Ledger
  readonly stumblesOver: string
  readonly say: (text: string) => void
}

export async function startConsumers({ choice, workers, bus, ledger, stumblesOver, say }: ConsumersOptions): Promise<Consumers> {
  if (workers > 0 && choice.type === 'redis') return WorkerPool.start(workers, { choice, stumblesOver }, say)
  const audit = await subscribeHandlers(bus, ledger, stumblesOver)
  return {
    died: 0,
    learn: async (word, severity) => audit.learn(word, severity),
    // the bus ends its handlers when it is closed
    [Symbol.asyncDispose]: async () => undefined,
  }
}
