import {
  type Abortable,
  type BrokerCapabilities,
  type BrokerMetrics,
  ClosedError,
  type CloseOptions,
  type ComponentHealth,
  ConnectionError,
  type ConnectOptions,
  type Consumer,
  type GroupDescription,
  type IBroker,
  isInterlineError,
  type Receive,
  type Source,
  toError,
  type WireMessage,
} from '@interline/core'
import { BroadcastConsumer } from './broadcast-consumer.js'
import type { BrokerContext, Counts, Report } from './context.js'
import { type Driver, isDriverError, type KafkaClient } from './drivers/driver.js'
import { loadDriver } from './drivers/load-driver.js'
import { GroupConsumer } from './group/group-consumer.js'
import { describeGroups, type GroupStanding, removeGroup } from './groups.js'
import { KafkaDeadLetterStore } from './kafka-dead-letter-store.js'
import { type KafkaOptions, type ResolvedOptions, resolveOptions } from './kafka-options.js'
import { Names } from './names.js'
import { Publisher } from './publisher.js'
import { Topics } from './topics.js'
import { patiently } from './waiting.js'

const metricsLimitMs = 1_000

/** What there is once the driver is loaded. */
interface Parts {
  readonly context: BrokerContext
  readonly publishing: KafkaClient
  readonly publisher: Publisher
}

/**
 * Events on Kafka (3.x and 4.x): durable groups, order by key within a partition, retries and scheduled delivery over a topic of the
 * group's own, attempts counted over crashes in the commits' metadata.
 */
export class KafkaBroker implements IBroker {
  readonly name = 'kafka'
  readonly capabilities: BrokerCapabilities
  readonly deadLetters: KafkaDeadLetterStore
  readonly #options: ResolvedOptions
  readonly #names: Names
  readonly #partitionsAsked: number | undefined
  readonly #consumers = new Set<GroupConsumer | BroadcastConsumer>()
  readonly #sources = new Map<string, { readonly destination: string; readonly group: string }>()
  #parts: Parts | undefined
  #report: Report = () => undefined
  #lag = 0
  #state: 'idle' | 'connecting' | 'open' | 'closed' = 'idle'

  /** Loads and connects to nothing yet. Throws ConfigurationError for options that are unknown or wrong. */
  constructor(options: KafkaOptions = {}) {
    this.#options = resolveOptions(options)
    this.#names = new Names(this.#options.prefix)
    this.#partitionsAsked = options.partitions
    this.capabilities = capabilitiesOf(this.#options)
    this.deadLetters = this.#letters(this.#names.deadLetters)
  }

  /** A compacted topic of the group's own: what lies there is not dead. None where no topic may be made for it. */
  parking(group: string, destination: string): KafkaDeadLetterStore | undefined {
    return this.#options.provision ? this.#letters(this.#names.parkedTopic(group, destination)) : undefined
  }

  async connect({ report, signal }: ConnectOptions): Promise<void> {
    this.#report = report
    this.#state = 'connecting'
    try {
      const { context, publishing } = (this.#parts ??= this.#assemble(await loadDriver(this.#options)))
      await Promise.all([context.control.connect(), publishing.connect()])
      signal?.throwIfAborted()
    } catch (thrown) {
      this.#state = 'idle'
      throw connectionError(toError(thrown), this.#options)
    }
    this.#state = 'open'
  }

  publish(messages: readonly WireMessage[], options?: Abortable): Promise<void> {
    return this.#open.publisher.publish(messages, options?.signal)
  }

  async subscribe(source: Source, receive: Receive): Promise<Consumer> {
    const { destination, group, broadcast } = source
    const { topics, names } = this.#context
    await this.#patiently(async () => {
      const partitions = await topics.ensure(names.topic(destination))
      if (!broadcast) await topics.ensureOwn(names.retryTopic(group, destination), partitions)
    })
    if (!broadcast) {
      this.#sources.set(names.group(group, destination), { destination, group })
    }
    const consumer = broadcast ? new BroadcastConsumer(this.#context, source, receive) : new GroupConsumer(this.#context, source, receive)
    try {
      await this.#patiently(() => consumer.start())
    } catch (error) {
      await consumer.close()
      throw error
    }
    this.#consumers.add(consumer)
    return {
      pause: () => consumer.pause(),
      resume: () => consumer.resume(),
      stop: () => consumer.stop(),
      close: async () => {
        this.#consumers.delete(consumer)
        await consumer.close()
      },
    }
  }

  async listDestinations(): Promise<readonly string[]> {
    const { control, names } = this.#context
    return (await control.topics()).flatMap((topic) => names.destinationOf(topic) ?? [])
  }

  async listGroups(): Promise<readonly GroupDescription[]> {
    const { control, names } = this.#context
    const found = (await control.groups()).flatMap((name) => names.groupOf(name) ?? [])
    const standings = await describeGroups(this.#context, found)
    return Promise.all(
      standings.map(async ({ group, destination, lag }) => ({
        group,
        destination,
        lag,
        unsettled: this.#sum(({ unsettled }) => unsettled, group, destination),
        delayed: this.#sum(({ delayed }) => delayed, group, destination),
        consumers: await control.memberCount(names.group(group, destination)),
      })),
    )
  }

  async removeGroup(group: string, destination: string): Promise<void> {
    this.#sources.delete(this.#names.group(group, destination))
    await removeGroup(this.#context, group, destination)
    await this.parking(group, destination)?.clear()
  }

  async health(): Promise<ComponentHealth> {
    const began = performance.now()
    try {
      await Promise.all([this.#context.control.reach(), this.#open.publishing.connect()])
    } catch (error) {
      return { status: 'fail', output: toError(error).message }
    }
    const observed = { observedValue: Math.round((performance.now() - began) * 10) / 10, observedUnit: 'ms' }
    const trouble = [...this.#consumers].find((consumer) => consumer.trouble !== undefined)?.trouble
    return trouble === undefined ? { status: 'pass', ...observed } : { status: 'warn', output: trouble, ...observed }
  }

  async getMetrics(): Promise<BrokerMetrics> {
    let state: BrokerMetrics['state'] = this.#state === 'open' ? 'ready' : this.#state
    if (this.#state === 'open') {
      try {
        const find = (): Promise<readonly GroupStanding[]> => describeGroups(this.#context, [...this.#sources.values()])
        const standings = await patiently(find, (error) => isDriverError(error, 'temporary'), metricsLimitMs)
        this.#lag = standings.reduce((sum, { lag }) => sum + lag, 0)
      } catch {
        state = 'down'
      }
    }
    return {
      state,
      published: this.#parts?.publisher.published ?? 0,
      ...(this.#parts?.context.counts ?? noCounts()),
      // while it is down: what was known last
      lag: this.#lag,
      delayed: this.#sum(({ delayed }) => delayed),
      unsettled: this.#sum(({ unsettled }) => unsettled),
    }
  }

  async close(_options?: CloseOptions): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    this.#consumers.clear()
    await this.#parts?.publisher.flush()
    this.#state = 'closed'
    await Promise.all([this.#parts?.publishing.close(), this.#parts?.context.control.close()])
  }

  #assemble(driver: Driver): Parts {
    const [options, names, control, publishing] = [this.#options, this.#names, driver(), driver()]
    const report: Report = (event) => this.#report(event)
    const topics = new Topics(control, options, this.#partitionsAsked, report)
    const publisher = new Publisher(publishing, topics, names, report, options.publishTimeoutMs)
    const store: BrokerContext['store'] = (records, signal) => publisher.store(records, signal)
    return { context: { options, names, driver, control, topics, report, counts: noCounts(), store }, publishing, publisher }
  }

  get #open(): Parts {
    if (this.#parts === undefined) throw new ClosedError('The Kafka broker is not connected. Call connect first, or start the bus.')
    return this.#parts
  }

  get #context(): BrokerContext {
    return this.#open.context
  }

  #letters(topic: string): KafkaDeadLetterStore {
    return new KafkaDeadLetterStore(topic, () => this.#context)
  }

  /** A coordinator that loads, a leader that is being chosen, a node that has not heard of a topic yet: what passes by itself. */
  #patiently<T>(work: () => Promise<T>): Promise<T> {
    return patiently(work, (error) => isDriverError(error, 'temporary', 'unknown-topic'), this.#options.publishTimeoutMs)
  }

  #sum(of: (consumer: GroupConsumer | BroadcastConsumer) => number, group?: string, destination?: string): number {
    let sum = 0
    for (const consumer of this.#consumers) {
      if (group === undefined || (consumer instanceof GroupConsumer && consumer.group === group && consumer.destination === destination)) {
        sum += of(consumer)
      }
    }
    return sum
  }
}

function noCounts(): Counts {
  return { delivered: 0, acked: 0, retried: 0, deadLettered: 0 }
}

function capabilitiesOf({ order, maxMessageBytes }: ResolvedOptions): BrokerCapabilities {
  return {
    durable: true,
    local: false,
    order,
    replay: true,
    retry: true,
    delayedDelivery: true,
    patterns: true,
    priority: false,
    broadcast: true,
    crashCounted: true,
    deadLetters: 'browse',
    deadLetterAddress: false,
    dedup: 'process',
    maxMessageBytes,
  }
}

function connectionError(error: Error, { brokers }: ResolvedOptions): Error {
  // what is to be installed, for example
  if (isInterlineError(error)) return error
  const where = brokers.join(', ')
  if (isDriverError(error, 'authentication')) {
    return new ConnectionError(`Kafka at ${where} refused the login. Check sasl.mechanism, sasl.username and sasl.password.`)
  }
  return new ConnectionError(`Could not reach Kafka at ${where}: ${error.message} Check brokers, ssl, and that it runs.`, { cause: error })
}
