import {
  type Abortable,
  type BrokerCapabilities,
  type BrokerMetrics,
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
import { type ConsumerInfo, JetStreamApiError, jetstreamManager, StorageType, type StreamConfig, type StreamInfo } from '@nats-io/jetstream'
import { connect, errors, type NatsConnection, nanos, nuid } from '@nats-io/transport-node'
import { NatsConsumer } from './nats-consumer.js'
import type { NatsContext } from './nats-context.js'
import { bytesOf, headersOf, nameOf, subjectOf, tokenOf } from './nats-message.js'
import { type NatsOptions, type ResolvedOptions, resolveOptions } from './nats-options.js'

/** Within this time the server stores a publish once: longer than any is tried again. */
const duplicateWindowMs = 120_000
/** Publishes on the way to the server at a time, of one call. */
const batchSize = 1_000
const pauseMs = 100
/** To make a stream that others make too. */
const mostTries = 5

/**
 * Events on NATS JetStream (server 2.9 or later): durable groups, retries and scheduled delivery by the server's own delays, attempts that
 * are counted over crashes, replay. Consumers of a group compete for each event: there is no order by key.
 */
export class NatsBroker implements IBroker {
  readonly name = 'nats'
  readonly capabilities: BrokerCapabilities
  readonly #options: ResolvedOptions
  readonly #streams = new Map<string, Promise<StreamInfo>>()
  readonly #consumers = new Set<NatsConsumer>()
  readonly #sending = new Set<Promise<unknown>>()
  readonly #counts = { published: 0, delivered: 0, acked: 0, retried: 0, deadLettered: 0 }
  #context: NatsContext | undefined
  #state: BrokerMetrics['state'] = 'idle'

  /** Connects to nothing yet. Throws ConfigurationError for options that are unknown or wrong. */
  constructor(options: NatsOptions = {}) {
    this.#options = resolveOptions(options)
    this.capabilities = {
      durable: true,
      local: false,
      order: 'none',
      replay: true,
      retry: true,
      delayedDelivery: true,
      patterns: true,
      priority: false,
      broadcast: true,
      crashCounted: true,
      deadLetters: 'none',
      deadLetterAddress: false,
      dedup: 'process',
      maxMessageBytes: this.#options.maxMessageBytes,
    }
  }

  async connect({ clock, report, signal }: ConnectOptions): Promise<void> {
    const options = this.#options
    const nc = (options.connection as NatsConnection | undefined) ?? (await this.#dial())
    try {
      const jsm = await jetstreamManager(nc, { timeout: options.requestTimeoutMs })
      const notesStream = `${options.prefix}+notes`
      const stream = (destination: string): Promise<StreamInfo> => this.#stream(destination)
      const context = { nc, jsm, js: jsm.jetstream(), options, clock, report, counts: this.#counts, notesStream, connected: true, stream }
      this.#context = context
      await this.#ensure({ name: notesStream, subjects: [`${notesStream}.>`], max_msgs_per_subject: 1, allow_direct: true })
      signal?.throwIfAborted()
      void this.#watch(context)
      this.#state = 'ready'
    } catch (thrown) {
      if (options.connection === undefined) await nc.close()
      throw thrown
    }
  }

  async publish(messages: readonly WireMessage[], { signal }: Abortable = {}): Promise<void> {
    await Promise.all([...new Set(messages.map(({ destination }) => destination))].map((destination) => this.#known(destination)))
    const failures: { readonly index: number; readonly error: PublishError }[] = []
    for (let start = 0; start < messages.length; start += batchSize) {
      const sending = Promise.allSettled(messages.slice(start, start + batchSize).map((message) => this.#send(message, signal)))
      this.#sending.add(sending)
      for (const [offset, result] of (await sending).entries())
        if (result.status === 'rejected') failures.push({ index: start + offset, error: result.reason as PublishError })
      this.#sending.delete(sending)
    }
    this.#counts.published += messages.length - failures.length
    const [first] = failures
    if (first === undefined) return
    const outcome = failures.some(({ error }) => error.outcome === 'unknown') ? 'unknown' : 'failed'
    throw new PublishError(first.error.message, { cause: first.error.cause, outcome, failed: failures.map(({ index }) => index) })
  }

  async subscribe(source: Source, receive: Receive): Promise<Consumer> {
    const consumer: NatsConsumer = new NatsConsumer(this.#connected(), source, receive, () => this.#consumers.delete(consumer))
    await consumer.open()
    this.#consumers.add(consumer)
    return consumer
  }

  async listDestinations(): Promise<readonly string[]> {
    const { jsm, options } = this.#connected()
    const names: string[] = []
    for await (const name of jsm.streams.names(`${options.prefix}.>`)) {
      const destination = nameOf(name.slice(options.prefix.length + 1))
      // somebody else's stream may have subjects like ours
      if (this.#streamName(destination) === name) names.push(destination)
    }
    return names
  }

  async listGroups(): Promise<readonly GroupDescription[]> {
    const groups: GroupDescription[] = []
    for (const destination of await this.listDestinations()) {
      for await (const info of this.#connected().jsm.consumers.list(this.#streamName(destination)))
        if (info.config.durable_name !== undefined) groups.push({ group: nameOf(info.name), destination, ...statistics(info), delayed: 0 })
    }
    return groups
  }

  async removeGroup(group: string, destination: string): Promise<void> {
    const { jsm, notesStream } = this.#connected()
    await jsm.consumers.delete(this.#streamName(destination), tokenOf(group))
    await jsm.streams.purge(notesStream, { filter: `${notesStream}.${tokenOf(destination)}.${tokenOf(group)}.>` })
  }

  async health(): Promise<ComponentHealth> {
    const { jsm, connected, clock } = this.#connected()
    if (!connected) return { status: 'fail', output: 'The connection to NATS is lost; it is tried again.' }
    const begun = clock.monotonic()
    await jsm.getAccountInfo()
    return { status: 'pass', observedValue: Math.round((clock.monotonic() - begun) * 10) / 10, observedUnit: 'ms' }
  }

  /** Events that were given back and wait count as unhandled; the server does not say how many of them wait. */
  async getMetrics(): Promise<BrokerMetrics> {
    let lag = 0
    let unsettled = 0
    const groups = new Map([...this.#consumers].map(({ name, source }) => [`${source.destination}\n${name}`, { name, source }]))
    for (const { name, source } of groups.values())
      lag += statistics(await this.#connected().jsm.consumers.info(this.#streamName(source.destination), name)).lag
    for (const consumer of this.#consumers) unsettled += consumer.unsettled
    const state = this.#state === 'ready' && this.#context?.connected === false ? 'down' : this.#state
    return { state, ...this.#counts, lag, delayed: 0, unsettled }
  }

  async close(): Promise<void> {
    const context = this.#context
    this.#state = 'closed'
    if (context === undefined) return
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    await Promise.allSettled(this.#sending)
    if (context.connected) await context.nc.flush()
    if (this.#options.connection === undefined) await context.nc.close()
  }

  async #dial(): Promise<NatsConnection> {
    const { servers, credentials } = this.#options
    const recovery = { maxReconnectAttempts: -1, reconnectTimeWait: 200, ignoreAuthErrorAbort: true, pingInterval: 10_000 }
    try {
      return await connect({ servers, ...credentials, ...recovery, noAsyncTraces: true })
    } catch (thrown) {
      throw new ConnectionError(`NATS at ${servers.join(', ')} can not be used: ${toError(thrown).message}. Check address and credentials.`)
    }
  }

  async #watch(context: NatsContext): Promise<void> {
    for await (const { type } of context.nc.status()) {
      if (this.#state === 'closed') break
      if (type === 'disconnect') context.connected = false
      if (type === 'reconnect') {
        context.connected = true
        for (const consumer of this.#consumers) consumer.recover()
      }
      if (type === 'disconnect' || type === 'reconnect')
        context.report({ kind: type === 'disconnect' ? 'disconnected' : 'connected', detail: `NATS at ${context.nc.getServer()}` })
    }
    context.connected = false
  }

  /**
   * Again under the same name where nobody knows what became of it: the server stores it once. The name is of this call, not of the event,
   * which may be published again on purpose, as after its handlers gave up on it.
   */
  async #send(message: WireMessage, signal: AbortSignal | undefined): Promise<void> {
    const { js, clock, options } = this.#connected()
    const msgID = nuid.next()
    const request = { headers: headersOf(message), msgID, timeout: options.requestTimeoutMs }
    const deadline = clock.monotonic() + options.publishTimeoutMs
    let outcome: 'failed' | 'unknown' = 'failed'
    for (;;) {
      try {
        return void (await js.publish(subjectOf(options.prefix, message), bytesOf(message), request))
      } catch (thrown) {
        const error = toError(thrown)
        if (isUnanswered(error)) outcome = 'unknown'
        const passing =
          error.name === 'TimeoutError' ||
          error.name === 'JetStreamNotEnabled' ||
          (error instanceof JetStreamApiError && error.status >= 500)
        if (!passing || signal?.aborted || clock.monotonic() >= deadline || this.#state === 'closed')
          throw new PublishError(`NATS did not confirm "${message.topic}": ${error.message}.`, { cause: error, outcome })
        await new Promise<void>((resolve) => clock.setTimer(resolve, pauseMs))
        // no responder: the stream may have been removed
        if (error.name === 'JetStreamNotEnabled') await this.#stream(message.destination).catch(() => undefined)
      }
    }
  }

  #known(destination: string): Promise<StreamInfo> {
    let known = this.#streams.get(destination)
    if (known === undefined) {
      known = this.#stream(destination)
      this.#streams.set(destination, known)
      known.catch(() => this.#streams.delete(destination))
    }
    return known
  }

  #stream(destination: string): Promise<StreamInfo> {
    const { prefix, maxEvents, maxBytes } = this.#options
    const duplicate_window = nanos(Math.min(duplicateWindowMs, this.#options.maxAgeMs || duplicateWindowMs))
    const subjects = [`${prefix}.${tokenOf(destination)}.>`]
    return this.#ensure({ name: this.#streamName(destination), subjects, max_msgs: maxEvents, max_bytes: maxBytes, duplicate_window })
  }

  /** One that is there is left as it is. The server refuses one that somebody else is making at this moment, and has it soon after. */
  async #ensure(config: Partial<StreamConfig> & { readonly name: string }): Promise<StreamInfo> {
    const { jsm, clock, options } = this.#connected()
    const kept = { storage: StorageType.File, num_replicas: options.replicas, max_age: nanos(options.maxAgeMs) }
    for (let tries = 1; ; tries++) {
      const found = await jsm.streams.info(config.name).catch((error: unknown) => {
        if (!(error instanceof JetStreamApiError) || error.status !== 404) throw error
      })
      if (found !== undefined) return found
      try {
        return await jsm.streams.add({ ...kept, ...config })
      } catch (error) {
        if (tries === mostTries || !(error instanceof JetStreamApiError)) throw error
        await new Promise<void>((resolve) => clock.setTimer(resolve, pauseMs))
      }
    }
  }

  #streamName(destination: string): string {
    return `${this.#options.prefix}_${tokenOf(destination)}`
  }

  #connected(): NatsContext {
    if (this.#context === undefined) throw new ConnectionError('The NATS broker is not connected. Connect it first.')
    return this.#context
  }
}

/** Sent, and nobody knows what became of it: no answer came in time, or before the connection was closed. */
function isUnanswered({ name, cause }: Error): boolean {
  return name === 'TimeoutError' || (name === 'RequestError' && !(cause instanceof errors.PermissionViolationError))
}

function statistics({ num_pending, num_ack_pending, num_waiting }: ConsumerInfo): {
  readonly lag: number
  readonly unsettled: number
  readonly consumers: number
} {
  return { lag: num_pending + num_ack_pending, unsettled: num_ack_pending, consumers: num_waiting }
}
