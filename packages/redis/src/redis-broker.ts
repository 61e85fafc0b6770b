import { randomUUID } from 'node:crypto'
import {
  type Abortable,
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
  toError,
  type WireMessage,
} from '@interline/core'
import { BatchBuilder, placement } from './batch.js'
import { BroadcastConsumer } from './broadcast-consumer.js'
import { ClusterPublisher } from './cluster/cluster-publisher.js'
import { News } from './cluster/news.js'
import type { Report } from './connections.js'
import type { BrokerContext } from './context.js'
import { Destinations } from './destinations.js'
import { GroupConsumer } from './group-consumer.js'
import { groupStatistics, listGroups, removeGroup, startId } from './groups.js'
import { KeySpace } from './key-space.js'
import { type Links, linksOf } from './links.js'
import { Publisher } from './publisher.js'
import { RedisDeadLetterStore } from './redis-dead-letter-store.js'
import { RedisIdempotencyStore } from './redis-idempotency-store.js'
import { type RedisOptions, type ResolvedOptions, resolveOptions } from './redis-options.js'
import { examineServer } from './server-check.js'

/** Redis takes 512 MB in a value; what is larger than this belongs in a store, with a reference in the event. */
const maxMessageBytes = 16 * 1024 * 1024

const capabilities = {
  durable: true,
  local: false,
  replay: true,
  retry: true,
  delayedDelivery: true,
  patterns: true,
  priority: false,
  broadcast: true,
  crashCounted: true,
  deadLetters: 'browse',
  deadLetterAddress: false,
  dedup: 'group',
  maxMessageBytes,
} as const satisfies Partial<BrokerCapabilities>

/**
 * Events on Redis Streams (Redis 7.0 or later): durable groups, order by key over leased partitions, delayed and scheduled delivery, dead
 * letters that can be browsed. What an accepted event survives is decided by the server's own persistence.
 */
export class RedisBroker implements IBroker {
  readonly name = 'redis'
  readonly capabilities: BrokerCapabilities
  readonly deadLetters: RedisDeadLetterStore
  readonly idempotency: RedisIdempotencyStore
  readonly #options: ResolvedOptions
  readonly #context: BrokerContext
  readonly #publishing: Links
  readonly #publisher: Publisher | ClusterPublisher
  readonly #consumers = new Set<GroupConsumer | BroadcastConsumer>()
  readonly #sources = new Map<string, { readonly destination: string; readonly group: string }>()
  #report: Report = () => undefined
  #state: 'idle' | 'connecting' | 'open' | 'closed' = 'idle'
  #warning: string | undefined

  /** Connects to nothing yet. Throws ConfigurationError for options that are unknown or wrong. */
  constructor(options: RedisOptions = {}) {
    this.#options = resolveOptions(options)
    this.capabilities = { ...capabilities, order: this.#options.order }
    const report: Report = (event) => this.#report(event)
    const keys = new KeySpace(this.#options.prefix)
    const control = linksOf(this.#options, 'control', report)
    const destinations = new Destinations(control, keys, this.#options.partitions)
    const counts = { delivered: 0, acked: 0, retried: 0, deadLettered: 0 }
    const news = control.sharded ? new News(this.#options, report) : undefined
    this.#context = { options: this.#options, keys, control, news, destinations, report, counts }
    this.#publishing = linksOf(this.#options, 'publisher', report)
    this.#publisher = publisherOf(this.#options, this.#publishing, destinations, keys)
    this.deadLetters = new RedisDeadLetterStore({ links: control, keys })
    this.idempotency = new RedisIdempotencyStore({ links: control, keys })
  }

  async connect(options: ConnectOptions): Promise<void> {
    this.#report = options.report
    this.#state = 'connecting'
    try {
      const { control, keys } = this.#context
      const [client] = await Promise.all([control.at(keys.destinations).open(), this.#publishing.at(keys.destinations).open()])
      this.#warning = await examineServer(client, control.sharded)
    } catch (error) {
      this.#state = 'idle'
      throw error
    }
    this.#state = 'open'
    if (this.#warning !== undefined) this.#report({ kind: 'warning', detail: this.#warning })
  }

  publish(messages: readonly WireMessage[], options?: Abortable): Promise<void> {
    return this.#publisher.publish(messages, options?.signal)
  }

  async subscribe(source: Source, receive: Receive): Promise<Consumer> {
    const { destination, group, broadcast } = source
    await this.#context.destinations.ensure(destination)
    const consumer = broadcast
      ? new BroadcastConsumer(this.#context, source, receive, this.deadLetters)
      : new GroupConsumer(this.#context, source, receive)
    if (!broadcast) this.#sources.set(JSON.stringify([destination, group]), { destination, group })
    try {
      await consumer.start(startId(source.from))
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

  /** Beside the group's own keys, and browsed by nobody: what lies there is not dead. */
  parking(group: string, destination: string): RedisDeadLetterStore {
    const { control, keys } = this.#context
    return new RedisDeadLetterStore({ links: control, keys: keys.parked(destination, group) })
  }

  listDestinations(): Promise<readonly string[]> {
    return this.#context.destinations.list()
  }

  listGroups(): Promise<readonly GroupDescription[]> {
    return listGroups(this.#context)
  }

  removeGroup(group: string, destination: string): Promise<void> {
    return removeGroup(this.#context, group, destination)
  }

  async health(): Promise<ComponentHealth> {
    const begun = performance.now()
    try {
      const servers = [await this.#context.control.masters(), await this.#publishing.masters()].flat()
      await Promise.all(servers.map((server) => server.once((client) => client.ping())))
    } catch (error) {
      return { status: 'fail', output: toError(error).message }
    }
    const observed = { observedValue: Math.round((performance.now() - begun) * 10) / 10, observedUnit: 'ms' }
    if (this.#warning !== undefined) return { status: 'warn', output: this.#warning, ...observed }
    return { status: 'pass', ...observed }
  }

  async getMetrics(): Promise<BrokerMetrics> {
    const { counts, control } = this.#context
    let lag = 0
    let delayed = 0
    for (const { destination, group } of this.#sources.values()) {
      const statistics = await groupStatistics(this.#context, destination, group)
      lag += statistics.lag
      delayed += statistics.delayed
    }
    let unsettled = 0
    for (const consumer of this.#consumers) unsettled += consumer.unsettled
    const state = this.#state === 'open' ? (control.ready ? 'ready' : 'down') : this.#state
    return { state, published: this.#publisher.published, ...counts, lag, delayed, unsettled }
  }

  async close(_options?: CloseOptions): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    this.#consumers.clear()
    await this.#publisher.flush()
    this.#state = 'closed'
    this.#publishing.close()
    this.#context.control.close()
    await this.#context.news?.close()
  }
}

function publisherOf(options: ResolvedOptions, links: Links, destinations: Destinations, keys: KeySpace): Publisher | ClusterPublisher {
  const { partitions, publishTimeoutMs, waitForReplicas } = options
  const id = randomUUID()
  if (links.sharded) return new ClusterPublisher(links, destinations, keys, { id, partitions, publishTimeoutMs, waitForReplicas })
  const counter = keys.publisher(id)
  const builder = new BatchBuilder(keys, placement(partitions))
  return new Publisher(links.at(counter), destinations, { builder, counter, news: undefined, publishTimeoutMs, waitForReplicas })
}
