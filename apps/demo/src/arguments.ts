import { parseArgs } from 'node:util'

/** What the person asked for. */
export interface Arguments {
  readonly broker: BrokerName
  /** How many events to publish; every example once where it is not said. */
  readonly events: number | undefined
  /** Consumers as processes of their own; 0 keeps them in this one. */
  readonly workers: number
  readonly json: boolean
  /** Every event type in the table, not only the most frequent. */
  readonly all: boolean
}

const brokerNames = ['memory', 'redis', 'rabbitmq', 'kafka'] as const
export type BrokerName = (typeof brokerNames)[number]

/** The command line can't be meant. The message is all that a person needs. */
export class UsageError extends Error {}

export const help = `Real GitHub webhooks travel through a hybrid event bus: retried, deduplicated, dead-lettered and redriven.

Usage: npx pnpm@12 demo [options]

  --broker NAME          what carries the events: ${brokerNames.join(', ')} (default: memory, which needs no server)
                         redis is found at REDIS_URL, else at redis://127.0.0.1:6379
                         rabbitmq is found at RABBITMQ_URL, else at amqp://guest:guest@127.0.0.1:5672
                         kafka is found at KAFKA_BROKERS, else at 127.0.0.1:9092
  --events N             how many events to publish; the examples are cycled through (default: each example once)
  --workers N            consume in N processes of their own, which may be killed (needs --broker redis)
  --json                 print the summary as one JSON object on the last line
  --all                  show every event type in the table
  --help                 show this`

const mostEvents = 1_000_000
const mostWorkers = 64

/** `help` where that was asked for. Throws UsageError. */
export function readArguments(list: readonly string[]): Arguments | 'help' {
  const values = parse(list[0] === '--' ? list.slice(1) : list)
  if (values.help === true) return 'help'
  const broker = brokerNamed(values.broker ?? 'memory')
  const events = values.events === undefined ? undefined : count('events', values.events, 1, mostEvents)
  const workers = values.workers === undefined ? 0 : count('workers', values.workers, 0, mostWorkers)
  if (workers > 0 && broker !== 'redis') {
    const why = broker === 'memory' ? 'and memory is this process alone' : 'and keeps its counts in Redis'
    throw new UsageError(`--workers needs a broker that other processes can reach, ${why}. Add --broker redis.`)
  }
  return { broker, events, workers, json: values.json ?? false, all: values.all ?? false }
}

function parse(list: readonly string[]) {
  try {
    return parseArgs({
      args: [...list],
      options: {
        broker: { type: 'string' },
        events: { type: 'string' },
        workers: { type: 'string' },
        json: { type: 'boolean' },
        all: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.split('. ')[0] : String(thrown)
    throw new UsageError(`${reason}. --help lists what there is.`)
  }
}

function brokerNamed(text: string): BrokerName {
  const name = brokerNames.find((each) => each === text)
  if (name !== undefined) return name
  throw new UsageError(`--broker ${text} is no broker that is known here. Give one of ${brokerNames.join(', ')}.`)
}

function count(name: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, and is "${text}".`)
}
