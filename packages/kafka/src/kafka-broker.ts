import {
  type Abortable,
  type BrokerCapabilities,
  type BrokerMetrics,
  type CloseOptions,
  type ComponentHealth,
  ConnectionError,
  type ConnectOptions,
  type Consumer,
  type GroupDescription,
  type IBroker,
  PublishError,
  type Receive,
  type Source,
  toError,
  type WireMessage,
} from '@interline/core'
import { BroadcastConsumer } from './broadcast-consumer.js'
import type { BrokerContext, Report } from './context.js'
import { isDriverError, type KafkaClient } from './drivers/driver.js'
import { kafkaJsDriver } from './drivers/kafkajs/kafkajs-driver.js'
import { GroupConsumer } from './group/group-consumer.js'
import { describeGroups, type GroupStanding, removeGroup } from './groups.js'
import { KafkaDeadLetterStore } from './kafka-dead-letter-store.js'
import { type KafkaOptions, type ResolvedOptions, resolveOptions } from './kafka-options.js'
import { Names } from './names.js'
import { Publisher } from './publisher.js'
import { Topics } from './topics.js'
import { patiently } from './waiting.js'

const metricsLimitMs = 1_000

/**
 * Events on Kafka (3.x and 4.x): durable groups, order by key within a partition, retries and scheduled delivery over a topic of the
 * group's own, attempts counted over crashes in the commits' metadata.
 */
export class KafkaBroker implements IBroker {
  readonly name = 'kafka'
  readonly capabilities: BrokerCapabilities
  readonly deadLetters: KafkaDeadLetterStore
  readonly #options: ResolvedOptions
  readonly #context: BrokerContext
  readonly #publishing: KafkaClient
  readonly #publisher: Publisher
  readonly #consumers = new Set<GroupConsumer | BroadcastConsumer>()
  readonly #sources = new Map<string, { readonly destination: string; readonly group: string }>()
  #report: Report = () => undefined
  #lag = 0
  #state: 'idle' | 'connecting' | 'open' | 'closed' = 'idle'

  /** Connects to nothing yet. Throws ConfigurationError for options that are unknown or wrong. */
  constructor(options: KafkaOptions = {}) {
    this.#options = resolveOptions(options)
    this.capabilities = capabilitiesOf(this.#options)
    const report: Report = (event) => this.#report(event)
    const driver = kafkaJsDriver(this.#options)
    const control = driver()
    const names = new Names(this.#options.prefix)
    const topics = new Topics(control, this.#options, options.partitions, report)
    this.#publishing = driver()
    this.#publisher = new Publisher(this.#publishing, topics, names, this.#options.publishTimeoutMs)
    const counts = { delivered: 0, acked: 0, retried: 0, deadLettered: 0 }
    const store: BrokerContext['store'] = (records, signal) => this.#publisher.store(records, signal)
    this.#context = { options: this.#options, names, driver, control, topics, report, counts, store }
    this.deadLetters = new KafkaDeadLetterStore(control, topics, names.deadLetters, async (records) => {
      if (!(await store(records, AbortSignal.timeout(this.#options.publishTimeoutMs)))) {
        throw new PublishError('Kafka did not take the dead letters in time.', { outcome: 'unknown' })
      }
    })
  }

  async connect({ report, signal }: ConnectOptions): Promise<void> {
    this.#report = report
    this.#state = 'connecting'
    try {
      await Promise.all([this.#context.control.connect(), this.#publishing.connect()])
      signal?.throwIfAborted()
    } catch (thrown) {
      this.#state = 'idle'
      throw connectionError(toError(thrown), this.#options)
    }
    this.#state = 'open'
  }

  publish(messages: readonly WireMessage[], options?: Abortable): Promise<void> {
    return this.#publisher.publish(messages, options?.signal)
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

  removeGroup(group: string, destination: string): Promise<void> {
    this.#sources.delete(this.#context.names.group(group, destination))
    return removeGroup(this.#context, group, destination)
  }

  async health(): Promise<ComponentHealth> {
    const began = performance.now()
    try {
      await Promise.all([this.#context.control.connect(), this.#publishing.connect()])
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
      published: this.#publisher.published,
      ...this.#context.counts,
      // while it is down: what was known last
      lag: this.#lag,
      delayed: this.#sum(({ delayed }) => delayed),
      unsettled: this.#sum(({ unsettled }) => unsettled),
    }
  }

  async close(_options?: CloseOptions): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    this.#consumers.clear()
    await this.#publisher.flush()
    this.#state = 'closed'
    await Promise.all([this.#publishing.close(), this.#context.control.close()])
  }

  /** A coordinator that loads, a leader that is being chosen: what passes by itself. */
  #patiently<T>(work: () => Promise<T>): Promise<T> {
    return patiently(work, (error) => isDriverError(error, 'temporary'), this.#options.publishTimeoutMs)
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

function capabilitiesOf({ maxMessageBytes }: ResolvedOptions): BrokerCapabilities {
  return {
    durable: true,
    local: false,
    order: 'key',
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
  const where = brokers.join(', ')
  if (isDriverError(error, 'authentication')) {
    return new ConnectionError(`Kafka at ${where} refused the login. Check sasl.mechanism, sasl.username and sasl.password.`)
  }
  return new ConnectionError(`Could not reach Kafka at ${where}: ${error.message} Check brokers, ssl, and that it runs.`, { cause: error })
}
