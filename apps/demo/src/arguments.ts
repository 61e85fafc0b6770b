import { parseArgs } from 'node:util'
import { type BrokerName, brokerNames, type StoreName, storeNames } from './places/choices.js'
import { systemNames } from './systems/catalogue.js'

/** What the person asked for. */
export interface Arguments extends WebhookArguments {
  /** In their order; `webhooks` is the flow of webhooks. */
  readonly parts: readonly string[]
  readonly json: boolean
}

/** What the flow of webhooks is told. */
export interface WebhookArguments {
  readonly broker: BrokerName
  readonly store: StoreName | undefined
  /** How many events to publish; every example once where it is not said. */
  readonly events: number | undefined
  /** Consumers as processes of their own; 0 keeps them in this one. */
  readonly workers: number
  /** Every event type in the table, not only the most frequent. */
  readonly all: boolean
}

/** The command line can't be meant. The message is all that a person needs. */
export class UsageError extends Error {}

export const webhooks = 'webhooks'
const partNames: readonly string[] = [webhooks, ...systemNames]

export const help = `Real GitHub webhooks travel through a hybrid event bus: retried, deduplicated, dead-lettered and redriven. Then small systems
do their work on it, each to the end.

Usage: npx pnpm@12 demo [part ...] [options]

  part                   what to run: ${partNames.join(', ')} (default: all of them)
  --broker NAME          what carries the events: ${brokerNames.join(', ')} (default: memory, which needs no server)
                         redis is found at REDIS_URL, else at redis://127.0.0.1:6379
                         rabbitmq is found at RABBITMQ_URL or RABBITMQ_HOST, …_PORT, …_USERNAME, …_PASSWORD, …_VHOST,
                         else at amqp://guest:guest@127.0.0.1:5672
                         kafka is found at KAFKA_BROKERS, else at 127.0.0.1:9092
  --store NAME           append first, and publish from there: ${storeNames.join(', ')} (default: none)
                         redis is found at REDIS_EVENT_STORE_URL or REDIS_EVENT_STORE_HOST, …_PORT, …_PASSWORD, …_DB,
                         else where the broker's is
                         postgres is found at POSTGRES_URL or DATABASE_URL, else it is a PGlite in this process
                         EVENT_STORE_CONNECTION_URL comes before these, and before REDIS_URL
  --events N             how many webhooks to publish, and nothing else is run; the examples are cycled through (default: each example once)
  --workers N            consume webhooks in N processes of their own, which may be killed (needs --broker redis)
  --json                 print the summary as one JSON object on the last line
  --all                  show every event type in the table
  --help                 show this`

const mostEvents = 1_000_000
const mostWorkers = 64

/** `help` where that was asked for. Throws UsageError. */
export function readArguments(list: readonly string[]): Arguments | 'help' {
  const { values, positionals } = parse(list[0] === '--' ? list.slice(1) : list)
  if (values.help === true) return 'help'
  const broker = known('broker', brokerNames, values.broker ?? 'memory')
  const store = values.store === undefined ? undefined : known('store', storeNames, values.store)
  const events = values.events === undefined ? undefined : count('events', values.events, 1, mostEvents)
  const workers = values.workers === undefined ? 0 : count('workers', values.workers, 0, mostWorkers)
  if (workers > 0 && broker !== 'redis') {
    const why = broker === 'memory' ? 'and memory is this process alone' : 'and keeps its counts in Redis'
    throw new UsageError(`--workers needs a broker that other processes can reach, ${why}. Add --broker redis.`)
  }
  const named = positionals.map((name) => known('part', partNames, name))
  // what is said of webhooks alone asks for nothing else
  const parts =
    named.length > 0 ? partNames.filter((name) => named.includes(name)) : events !== undefined || workers > 0 ? [webhooks] : partNames
  return { parts, broker, store, events, workers, json: values.json ?? false, all: values.all ?? false }
}

function parse(list: readonly string[]) {
  try {
    return parseArgs({
      args: [...list],
      allowPositionals: true,
      options: {
        broker: { type: 'string' },
        store: { type: 'string' },
        events: { type: 'string' },
        workers: { type: 'string' },
        json: { type: 'boolean' },
        all: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.split('. ')[0] : String(thrown)
    throw new UsageError(`${reason}. --help lists what there is.`)
  }
}

function known<Name extends string>(what: string, names: readonly Name[], text: string): Name {
  const name = names.find((each) => each === text)
  if (name !== undefined) return name
  throw new UsageError(`"${text}" is no ${what} that is known here. Give one of ${names.join(', ')}.`)
}

function count(name: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, and is "${text}".`)
}
