import type { IEventStore } from 'interline'
import type { WebhookArguments } from '../arguments.js'
import type { Display } from '../display.js'
import { type BrokerChoice, brokerChoice, storeChoice } from '../places/choices.js'
import { Leftovers } from '../places/leftovers/leftovers.js'
import { createDemoBus } from './bus.js'
import { startConsumers } from './consumers.js'
import { kindOf } from './events.js'
import { handlerNames, subscribeTicker } from './handlers/subscriptions.js'
import { BusWatch } from './ledger/bus-watch.js'
import type { Ledger, LedgerProgress } from './ledger/ledger.js'
import { MemoryLedger } from './ledger/memory-ledger.js'
import { RedisLedger } from './ledger/redis-ledger.js'
import { subjectOf } from './payloads.js'
import { mendAndRedrive, publishAndHandle } from './phases.js'
import { Plan } from './plan.js'
import { ProgressWatch, sum } from './progress-watch.js'
import { Publishing } from './publishing.js'
import { type Summary, summarize } from './summary/summary.js'

/** How often the ledger is looked at: without a break in one process, seldom where it is on a server. */
const pollMs = { local: 0, here: 5, away: 40 } as const

/** Publishes, waits until all is handled, mends and redrives what died, and adds up. Leaves nothing behind on the broker. */
export async function runWebhooks(options: WebhookArguments, display: Display, interrupted: AbortSignal): Promise<Summary> {
  const choice = brokerChoice(options.broker)
  const store = options.store === undefined ? undefined : storeChoice(options.store)
  await using leftovers = new Leftovers(store === undefined ? [choice] : [choice, store], display.say)
  await using ledger = ledgerFor(choice, options, display.say)
  const watch = new BusWatch(ledger)
  await using bus = createDemoBus(choice, store, watch.instrumentation)
  using _line = display
  await subscribeTicker(bus, ledger, ({ type, data }) => display.alert(`⚠ ${kindOf(type)} ${subjectOf(data) ?? ''}`))
  await bus.start()
  leftovers.mayExist()

  const plan = new Plan(options.events)
  const { workers } = options
  await using consumers = await startConsumers({ choice, workers, bus, ledger, stumblesOver: plan.shaky, say: display.say })
  const sent = new Publishing()
  const progress = new ProgressWatch(ledger, pollMs[choice.type === 'memory' ? 'local' : workers === 0 ? 'here' : 'away'], (seen) =>
    display.update(share(seen, sent, plan), `${sent.deliveries.size}/${plan.size} published, ${inWords(seen)}`),
  )
  const course = {
    bus,
    plan,
    sent,
    watch,
    progress,
    consumers,
    interrupted,
    stored: store !== undefined,
    local: choice.type === 'memory',
  }
  const durationMs = await publishAndHandle(course)
  const { story, deadLettersLeft } = await mendAndRedrive(course)
  return summarize({
    options,
    plan,
    sent,
    story,
    deadLettersLeft,
    durationMs,
    contents: await ledger.read(),
    accepted: watch.accepted,
    stored: store === undefined ? undefined : await idsIn(bus.getStore()),
    workersDied: consumers.died,
    interrupted: interrupted.aborted,
  })
}

/** How much is done of what there is to do. */
function share({ handled }: LedgerProgress, { deliveries, owed }: Publishing, { size }: Plan): number {
  return size === 0 || sum(owed) === 0 ? 0 : (deliveries.size / size) * (sum(handled) / sum(owed))
}

function inWords({ handled, duplicates }: LedgerProgress): string {
  return `${sum(handled)} handled, ${sum(duplicates)} duplicates`
}

/** Ids of what the store holds, in its order. */
async function idsIn(store: Pick<IEventStore, 'readAll'>): Promise<readonly string[]> {
  const ids: string[] = []
  for await (const { message } of store.readAll()) ids.push(message.attributes.id ?? '')
  return ids
}

function ledgerFor(choice: BrokerChoice, { workers }: WebhookArguments, say: (text: string) => void): Ledger {
  if (choice.type !== 'redis' || workers === 0) return new MemoryLedger()
  return new RedisLedger(choice.redis, handlerNames, (error) => say(`The ledger: ${error.message}`))
}
