import { randomUUID } from 'node:crypto'
import type { Arguments } from './arguments.js'
import { type BrokerChoice, createDemoBus } from './bus.js'
import { startConsumers } from './consumers.js'
import type { Display } from './display.js'
import { kindOf } from './events.js'
import { handlerNames, subscribeTicker } from './handlers/subscriptions.js'
import { BusWatch } from './ledger/bus-watch.js'
import type { Ledger } from './ledger/ledger.js'
import { MemoryLedger } from './ledger/memory-ledger.js'
import { RedisLedger } from './ledger/redis-ledger.js'
import { Leftovers } from './leftovers/leftovers.js'
import { subjectOf } from './payloads.js'
import { mendAndRedrive, publishAndHandle } from './phases.js'
import { Plan } from './plan.js'
import { ProgressWatch } from './progress-watch.js'
import { Publishing } from './publishing.js'
import { type Summary, summarize } from './summary/summary.js'

/** How often the ledger is looked at: without a break in one process, seldom where it is on a server. */
const pollMs = { local: 0, here: 5, away: 40 } as const

/** Publishes, waits until all is handled, mends and redrives what died, and adds up. Leaves nothing behind on the broker. */
export async function run(options: Arguments, display: Display, interrupted: AbortSignal): Promise<Summary> {
  const choice = choiceFor(options.broker)
  await using leftovers = new Leftovers(choice, display.say)
  await using ledger = ledgerFor(choice, options, display.say)
  const watch = new BusWatch(ledger)
  await using bus = createDemoBus(choice, watch.instrumentation)
  using _line = display
  await subscribeTicker(bus, ledger, ({ type, data }) => display.alert(`⚠ ${kindOf(type)} ${subjectOf(data) ?? ''}`))
  await bus.start()
  leftovers.mayExist()

  const plan = new Plan(options.events)
  const { workers } = options
  await using consumers = await startConsumers({ choice, workers, bus, ledger, stumblesOver: plan.shaky, say: display.say })
  const sent = new Publishing()
  const progress = new ProgressWatch(ledger, pollMs[choice.type === 'memory' ? 'local' : workers === 0 ? 'here' : 'away'], (seen) =>
    display.update(seen, { published: sent.deliveries.size, total: plan.size, owed: sent.owed }),
  )
  const course = { bus, plan, sent, watch, progress, consumers, interrupted, local: choice.type === 'memory' }
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
    workersDied: consumers.died,
    interrupted: interrupted.aborted,
  })
}

function choiceFor(broker: Arguments['broker']): BrokerChoice {
  if (broker === 'kafka') {
    const brokers = (process.env.KAFKA_BROKERS ?? '127.0.0.1:9092').split(',').map((address) => address.trim())
    return { type: 'kafka', kafka: { brokers, prefix: `interline-demo-${randomUUID()}.` } }
  }
  if (broker === 'rabbitmq') {
    const url = process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672'
    return { type: 'rabbitmq', rabbitmq: { url, prefix: `interline-demo-${randomUUID()}` } }
  }
  if (broker === 'memory') return { type: 'memory' }
  const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
  return { type: 'redis', redis: { url, prefix: `interline-demo-${randomUUID()}` } }
}

function ledgerFor(choice: BrokerChoice, { workers }: Arguments, say: (text: string) => void): Ledger {
  if (choice.type !== 'redis' || workers === 0) return new MemoryLedger()
  return new RedisLedger(choice.redis, handlerNames, (error) => say(`The ledger: ${error.message}`))
}
