import { randomUUID } from 'node:crypto'
import {
  type Awaitable,
  type BrokerCapabilities,
  type BrokerEvent,
  type BrokerMetrics,
  type ComponentHealth,
  type ConnectOptions,
  type GroupDescription,
  type IBroker,
  PublishError,
  type Receive,
  type Source,
  systemClock,
  type WireMessage,
} from '@interline/core'
import type { BrokerState, Counters } from './broker/broker-state.js'
import { DelayedQueue } from './broker/delayed-queue.js'
import { Destination } from './broker/destination.js'
import { Dispatcher } from './broker/dispatcher.js'
import type { GroupQueue } from './broker/group-queue.js'
import type { MemoryConsumer } from './broker/memory-consumer.js'
import { MemoryDeadLetterStore } from './memory-dead-letter-store.js'
import { type MemoryBrokerOptions, settingsOf } from './memory-options.js'
import { rejecting } from './rejecting.js'

/** The part of `maxPending` at which health warns. */
const nearlyFull = 0.8

/**
 * A broker within one process, with what a broker on a server has: groups that compete and keep their position, order by key, retries,
 * delays, dead letters. Whatever is synchronous stays so: `publish` has called `receive` before it returns, where a consumer has room.
 * Several buses may share one instance, as processes share a server; the clock is that of the first one.
 */
export class MemoryBroker implements IBroker {
  readonly name = 'memory'
  readonly capabilities: BrokerCapabilities
  readonly deadLetters: MemoryDeadLetterStore
  /** By group and destination. */
  readonly #parking = new Map<string, MemoryDeadLetterStore>()
  readonly #state: BrokerState
  readonly #destinations = new Map<string, Destination>()
  /** One for each bus that has connected; all are told what nobody waits for. */
  #connections: ConnectOptions[] = []
  #closed = false
  #open = 0

  constructor(options: MemoryBrokerOptions = {}) {
    const settings = settingsOf(options)
    this.capabilities = {
      durable: false,
      local: true,
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
      maxMessageBytes: settings.maxMessageBytes,
    }
    const counters: Counters = { published: 0, delivered: 0, acked: 0, retried: 0, deadLettered: 0 }
    const dispatcher = new Dispatcher()
    this.deadLetters = new MemoryDeadLetterStore()
    this.#state = {
      instance: randomUUID(),
      settings,
      counters,
      dispatcher,
      deadLetters: this.deadLetters,
      delayed: new DelayedQueue(systemClock, () => dispatcher.run()),
      report: (event) => this.#report(event),
      clock: systemClock,
    }
  }

  connect(options: ConnectOptions): void {
    this.#connections.push(options)
    if (this.#open++ > 0) return
    this.#state.clock = options.clock
    this.#state.delayed.start(options.clock)
  }

  publish(messages: readonly WireMessage[]): void | Promise<void> {
    let failed: number[] | undefined
    let reason: string | undefined
    for (let index = 0; index < messages.length; index++) {
      const message = messages[index] as WireMessage
      const destination = this.#destination(message.destination)
      const refusal = destination.refusal(message)
      if (refusal !== undefined) {
        failed = [...(failed ?? []), index]
        reason ??= refusal
      } else if (message.deliverAt === undefined) destination.append(message)
      else destination.schedule(message, message.deliverAt)
    }
    this.#state.counters.published += messages.length - (failed?.length ?? 0)
    this.#state.dispatcher.run()
    if (failed !== undefined) return Promise.reject(new PublishError(reason as string, { failed }))
  }

  subscribe(source: Source, receive: Receive): Awaitable<MemoryConsumer> {
    return rejecting(() => this.#destination(source.destination).queueFor(source).join(source, receive))
  }

  parking(group: string, destination: string): MemoryDeadLetterStore {
    const name = JSON.stringify([group, destination])
    let place = this.#parking.get(name)
    if (place === undefined) this.#parking.set(name, (place = new MemoryDeadLetterStore()))
    return place
  }

  listDestinations(): readonly string[] {
    return [...this.#destinations.keys()]
  }

  listGroups(): readonly GroupDescription[] {
    return this.#queues()
      .filter(({ broadcast }) => !broadcast)
      .map((queue) => queue.describe())
  }

  removeGroup(group: string, destination: string): void | Promise<void> {
    this.#parking.delete(JSON.stringify([group, destination]))
    return rejecting(() => this.#destinations.get(destination)?.removeGroup(group))
  }

  /** `warn` while a group nears the point where publishing is refused. */
  health(): ComponentHealth {
    const { maxPending } = this.#state.settings
    const behind = this.#queues().find(({ lag }) => lag >= maxPending * nearlyFull)
    if (behind === undefined) return { status: 'pass' }
    const { group, destination, lag, consumers } = behind.describe()
    const output = `Group "${group}" with ${consumers} consumers has not handled ${lag} messages of "${destination}"; at ${maxPending} publishing is refused.`
    return { status: 'warn', output, observedValue: lag, observedUnit: 'messages' }
  }

  getMetrics(): BrokerMetrics {
    const metrics = { ...this.#state.counters, lag: 0, delayed: 0, unsettled: 0 }
    for (const queue of this.#queues()) {
      const { lag, delayed, unsettled } = queue.describe()
      metrics.lag += lag
      metrics.delayed += delayed
      metrics.unsettled += unsettled
    }
    for (const { scheduled } of this.#destinations.values()) {
      metrics.lag += scheduled
      metrics.delayed += scheduled
    }
    return { state: this.#open > 0 ? 'ready' : this.#closed ? 'closed' : 'idle', ...metrics }
  }

  /** Keeps what it holds: another bus may go on with it. */
  close(): void {
    if (this.#open === 0 || --this.#open > 0) return
    this.#closed = true
    this.#connections = []
    this.#state.delayed.stop()
  }

  #destination(name: string): Destination {
    let destination = this.#destinations.get(name)
    if (destination === undefined) this.#destinations.set(name, (destination = new Destination(name, this.#state)))
    return destination
  }

  #queues(): GroupQueue[] {
    return [...this.#destinations.values()].flatMap(({ queues }) => queues)
  }

  #report(event: BrokerEvent): void {
    for (const { report } of this.#connections) report(event)
  }
}
