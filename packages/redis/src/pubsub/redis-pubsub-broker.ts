import { randomUUID } from 'node:crypto'
import {
  type BrokerCapabilities,
  type BrokerMetrics,
  type ComponentHealth,
  type ConnectOptions,
  type Consumer,
  type IBroker,
  type Receive,
  type Source,
  toError,
  type WireMessage,
} from '@interline/core'
import { Link, type Report } from '../connections.js'
import { type Links, linksOf } from '../links.js'
import { Channels } from './channels.js'
import { PubSubConsumer, type PubSubContext } from './pubsub-consumer.js'
import { type RedisPubSubOptions, resolvePubSubOptions } from './pubsub-options.js'
import { PubSubPublisher } from './pubsub-publisher.js'
import { Subscriber } from './subscriber.js'

/** The server cuts a subscriber that has 32 MB before it, or 8 MB for a minute. */
const maxMessageBytes = 1024 * 1024

/**
 * Events over Redis publish and subscribe: fast, plain, and lossy by design. The server keeps nothing: an event reaches the processes that
 * listen at that moment, each of them, and nobody else. So there are broadcast subscriptions only, no retry and no dead letters. Every gap
 * that is noticed is reported as a `loss`.
 */
export class RedisPubSubBroker implements IBroker {
  readonly name = 'redis-pubsub'
  readonly capabilities: BrokerCapabilities = {
    durable: false,
    local: false,
    order: 'key',
    replay: false,
    retry: false,
    delayedDelivery: false,
    patterns: true,
    priority: false,
    broadcast: true,
    groups: false,
    crashCounted: false,
    deadLetters: 'none',
    deadLetterAddress: false,
    dedup: 'process',
    maxMessageBytes,
  }
  readonly #context: PubSubContext
  readonly #publishing: Link
  /** To where the list of destinations is. */
  readonly #links: Links
  readonly #publisher: PubSubPublisher
  readonly #consumers = new Set<PubSubConsumer>()
  #report: Report = () => undefined
  #state: 'idle' | 'connecting' | 'open' | 'closed' = 'idle'

  /** Connects to nothing yet. Throws ConfigurationError for options that are unknown or wrong. */
  constructor(options: RedisPubSubOptions = {}) {
    const resolved = resolvePubSubOptions(options)
    const report: Report = (event) => this.#report(event)
    const channels = new Channels(resolved.prefix)
    const subscriber = new Subscriber(resolved, report, {
      message: (channel, payload) => {
        for (const consumer of this.#consumers) consumer.hear(channel, payload)
      },
      gap: () => {
        for (const consumer of this.#consumers) consumer.gap()
      },
    })
    const counts = { published: 0, delivered: 0, acked: 0 }
    const instance = randomUUID()
    let deliveries = 0
    const nextRef = (): string => `${instance}:${++deliveries}`
    this.#context = { channels, subscriber, report, counts, maxBufferBytes: resolved.maxBufferBytes, nextRef }
    this.#publishing = new Link(resolved, 'publisher', report)
    this.#links = resolved.cluster === undefined ? this.#publishing : linksOf(resolved, 'control', report)
    this.#publisher = new PubSubPublisher(this.#publishing, this.#links, channels, counts)
  }

  async connect(options: ConnectOptions): Promise<void> {
    this.#report = options.report
    this.#state = 'connecting'
    try {
      await this.#publishing.open()
    } catch (error) {
      this.#state = 'idle'
      throw error
    }
    this.#state = 'open'
  }

  publish(messages: readonly WireMessage[]): Promise<void> {
    return this.#publisher.publish(messages)
  }

  async subscribe(source: Source, receive: Receive): Promise<Consumer> {
    const consumer = new PubSubConsumer(this.#context, source, receive)
    // before it listens: what comes with the answer is its own already
    this.#consumers.add(consumer)
    try {
      await consumer.start()
    } catch (error) {
      this.#consumers.delete(consumer)
      throw error
    }
    return {
      setTopics: (topics) => consumer.setTopics(topics),
      pause: () => consumer.pause(),
      resume: () => consumer.resume(),
      stop: () => consumer.stop(),
      close: () => {
        this.#consumers.delete(consumer)
        consumer.close()
      },
    }
  }

  async listDestinations(): Promise<readonly string[]> {
    const { destinations } = this.#context.channels
    return (await this.#links.at(destinations).run((client) => client.smembers(destinations))).sort()
  }

  async health(): Promise<ComponentHealth> {
    const begun = performance.now()
    try {
      const client = await this.#publishing.open()
      await client.ping()
    } catch (error) {
      return { status: 'fail', output: toError(error).message }
    }
    const observed = { observedValue: Math.round((performance.now() - begun) * 10) / 10, observedUnit: 'ms' }
    if (this.#context.subscriber.listening) return { status: 'pass', ...observed }
    return { status: 'warn', output: 'Not listening at present: what is published meanwhile is lost to this process.', ...observed }
  }

  getMetrics(): BrokerMetrics {
    let lag = 0
    let unsettled = 0
    for (const consumer of this.#consumers) {
      lag += consumer.lag
      unsettled += consumer.unsettled
    }
    const state = this.#state === 'open' ? (this.#publishing.ready ? 'ready' : 'down') : this.#state
    return { state, ...this.#context.counts, retried: 0, deadLettered: 0, lag, delayed: 0, unsettled }
  }

  async close(): Promise<void> {
    await this.#publisher.flush()
    this.#state = 'closed'
    this.#publishing.close()
    this.#links.close()
    await this.#context.subscriber.close()
  }
}
