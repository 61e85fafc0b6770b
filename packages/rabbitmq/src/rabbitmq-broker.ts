import {
  type BrokerCapabilities,
  type BrokerMetrics,
  type CloseOptions,
  type ComponentHealth,
  type ConnectOptions,
  type Consumer,
  type GroupDescription,
  type IBroker,
  type Receive,
  type Source,
  type StoreOptions,
  toError,
  type WireMessage,
} from '@interline/core'
import { BroadcastConsumer } from './broadcast-consumer.js'
import type { BrokerContext } from './context.js'
import { DelayedCount } from './delayed-count.js'
import { GroupConsumer } from './group-consumer.js'
import { countGroup, listGroups, removeGroup } from './groups.js'
import { Layout } from './layout.js'
import { Link, type Report } from './link.js'
import { Names } from './names.js'
import { Publisher } from './publisher.js'
import { type RabbitMqOptions, type ResolvedOptions, resolveOptions } from './rabbitmq-options.js'
import { type KnownGroup, Registry } from './registry.js'
import { Sender } from './sender.js'
import { Topology } from './topology.js'

/** RabbitMQ's own limit by default, from version 4. */
const maxMessageBytes = 16 * 1024 * 1024

/**
 * Events on RabbitMQ (3.10 or later) without plugins: durable groups on quorum queues, order by key over queues with a single active
 * consumer, delayed and scheduled delivery of any length, dead letters that can be drained.
 */
export class RabbitMqBroker implements IBroker {
  readonly name = 'rabbitmq'
  readonly capabilities: BrokerCapabilities
  readonly #options: ResolvedOptions
  readonly #context: BrokerContext
  readonly #publishing: Link
  readonly #publisher: Publisher
  readonly #consumers = new Set<GroupConsumer | BroadcastConsumer>()
  readonly #groups = new Map<string, KnownGroup>()
  #report: Report = () => undefined
  #state: 'idle' | 'connecting' | 'open' | 'closed' = 'idle'

  /** Connects to nothing yet. Throws ConfigurationError for options that are unknown or wrong. */
  constructor(options: RabbitMqOptions = {}) {
    this.#options = resolveOptions(options)
    this.capabilities = {
      durable: true,
      local: false,
      order: this.#options.order,
      replay: false,
      retry: true,
      delayedDelivery: true,
      patterns: true,
      priority: false,
      broadcast: true,
      crashCounted: true,
      deadLetters: 'drain',
      deadLetterAddress: true,
      dedup: 'process',
      maxMessageBytes,
    }
    const report: Report = (event) => this.#report(event)
    const names = new Names(this.#options.prefix)
    const consuming = new Link(this.#options, 'consuming', report)
    this.#publishing = new Link(this.#options, 'publishing', report)
    const registry = new Registry(new Link(this.#options, 'registry', report), names)
    const layout = new Layout(names, this.#options, registry)
    const topology = new Topology(consuming, this.#options)
    const sender = new Sender(this.#publishing, new Topology(this.#publishing, this.#options), this.#options.confirmTimeoutMs, (exchange) =>
      this.#lostExchange(exchange),
    )
    const delays = new DelayedCount(topology, names)
    const counts = { delivered: 0, acked: 0, retried: 0, deadLettered: 0 }
    this.#context = { options: this.#options, names, layout, consuming, topology, sender, registry, delays, report, counts }
    this.#publisher = new Publisher(this.#context)
  }

  async connect({ report }: ConnectOptions): Promise<void> {
    this.#report = report
    this.#state = 'connecting'
    try {
      await Promise.all([this.#context.consuming.open(), this.#publishing.open()])
    } catch (error) {
      this.#state = 'idle'
      throw error
    }
    this.#state = 'open'
  }

  async publish(messages: readonly WireMessage[], options: StoreOptions = {}): Promise<void> {
    await this.#publisher.publish(messages, options)
  }

  async subscribe(source: Source, receive: Receive): Promise<Consumer> {
    const { destination, group, order, broadcast } = source
    const consumer = broadcast ? new BroadcastConsumer(this.#context, source, receive) : new GroupConsumer(this.#context, source, receive)
    try {
      await consumer.start()
    } catch (error) {
      await consumer.close()
      throw error
    }
    if (!broadcast) this.#groups.set(JSON.stringify([destination, group]), { destination, group, order })
    this.#consumers.add(consumer)
    return {
      setTopics: (topics) => consumer.setTopics(topics),
      pause: () => consumer.pause(),
      resume: () => consumer.resume(),
      stop: () => consumer.stop(),
      close: async () => {
        await consumer.close()
        this.#consumers.delete(consumer)
      },
    }
  }

  listDestinations(): Promise<readonly string[]> {
    return this.#context.registry.destinations()
  }

  /** With what this process has in hand; what others have, they know of themselves. */
  async listGroups(): Promise<readonly GroupDescription[]> {
    const groups = await listGroups(this.#context)
    return groups.map((each) => {
      const own = [...this.#consumers].filter(({ source }) => source.group === each.group && source.destination === each.destination)
      const inHand = own.reduce((sum, consumer) => sum + consumer.inHand, 0)
      return { ...each, lag: each.lag + inHand, unsettled: own.reduce((sum, { unsettled }) => sum + unsettled, 0) }
    })
  }

  removeGroup(group: string, destination: string): Promise<void> {
    return removeGroup(this.#context, { group, destination })
  }

  async health(): Promise<ComponentHealth> {
    const begun = performance.now()
    const { consuming, topology } = this.#context
    try {
      await Promise.all([consuming.open(), this.#publishing.open()])
      // a question that every server can answer, and that needs an answer
      await topology.use('connection', (channel) => channel.prefetch(1))
    } catch (error) {
      return { status: 'fail', output: toError(error).message }
    }
    const observed = { observedValue: Math.round((performance.now() - begun) * 10) / 10, observedUnit: 'ms' }
    const blocked = this.#publishing.blocked ?? consuming.blocked
    if (blocked !== undefined) return { status: 'warn', output: `RabbitMQ takes no messages for now: ${blocked}`, ...observed }
    return { status: 'pass', ...observed }
  }

  async getMetrics(): Promise<BrokerMetrics> {
    const { counts, consuming } = this.#context
    let lag = 0
    let delayed = 0
    if (consuming.model !== undefined) {
      for (const group of this.#groups.values()) lag += (await countGroup(this.#context, group)).ready
      delayed = await this.#context.delays.count()
    }
    let unsettled = 0
    for (const consumer of this.#consumers) {
      unsettled += consumer.unsettled
      lag += consumer.inHand
    }
    const up = consuming.model !== undefined && this.#publishing.model !== undefined
    const state = this.#state === 'open' ? (up ? 'ready' : 'down') : this.#state
    return { state, published: this.#publisher.published, ...counts, lag: lag + delayed, delayed, unsettled }
  }

  async close(_options?: CloseOptions): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    this.#consumers.clear()
    await this.#context.sender.flush()
    this.#state = 'closed'
    this.#context.sender.close()
    await Promise.all([this.#publishing.close(), this.#context.consuming.close(), this.#context.registry.close()])
  }

  /** Somebody removed an exchange of a destination, and with it what bound the groups to it. */
  #lostExchange(exchange: string): void {
    const { topology, layout } = this.#context
    topology.forget()
    for (const consumer of this.#consumers) {
      const { destination, group } = consumer.source
      if (!layout.destination(destination).partitions.includes(exchange)) continue
      const detail = `The exchange "${exchange}" was removed on the server. It is made again; what was published in between may have reached nobody.`
      this.#report({ kind: 'loss', detail, destination, group })
      consumer.declare().catch((error: unknown) => this.#report({ kind: 'warning', detail, error: toError(error) }))
    }
  }
}
