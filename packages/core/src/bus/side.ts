import { after } from '../awaitable.js'
import { Dedup } from '../delivery/dedup.js'
import type { GroupSettings } from '../delivery/group-engine.js'
import type { Awaitable, CloseOptions } from '../ports/abortable.js'
import type { IBroker } from '../ports/broker.js'
import type { IDeadLetterStore } from '../ports/dead-letter-store.js'
import type { IIdempotencyStore } from '../ports/idempotency-store.js'
import type { Instrumentation } from '../ports/instrumentation.js'
import type { WireMessage } from '../ports/message.js'
import { changed } from '../wire/changed-message.js'
import type { DeadLetterPlace } from './dead-letters.js'
import { FirstAttempts } from './first-attempts.js'
import { GroupConsumers } from './group-consumers.js'
import { ManagedBroker } from './managed-broker.js'
import { Publisher } from './publisher.js'

export interface SideSettings
  extends Pick<
    GroupSettings,
    'format' | 'clock' | 'hooks' | 'logger' | 'deadLetters' | 'publish' | 'closing' | 'window' | 'parkAfterMs' | 'encryption'
  > {
  readonly broker: IBroker
  /** Where keys that wait long for a retry go instead of the broker's own place. */
  readonly parking: IDeadLetterStore | undefined
  /** What handled events are remembered in; the broker's own place where it has one and nothing else was said. */
  readonly idempotency: IIdempotencyStore | undefined
  readonly dedupTtlMs: number | undefined
  readonly connectTimeoutMs: number
  /** Deliveries of this origin are this process's own echo. */
  readonly echoOf: string | undefined
}

/** One broker of a bus: the way out to it, and the consumers of what comes from it. */
export class Side {
  readonly broker: ManagedBroker
  readonly publisher: Publisher
  readonly consumers: GroupConsumers
  readonly #deadLetters: IDeadLetterStore | undefined
  readonly #dedup: Dedup | undefined
  readonly #firstAttempts = new FirstAttempts()
  readonly #closing: AbortSignal
  readonly #hooks: Instrumentation
  readonly #tellsOfNobody: boolean

  constructor(settings: SideSettings) {
    const { broker, idempotency, dedupTtlMs, connectTimeoutMs, ...shared } = settings
    const { clock, hooks, logger } = shared
    this.broker = new ManagedBroker(broker, {
      clock,
      connectTimeoutMs,
      quietly: hooks.quietly,
      report: (event) => {
        hooks.broker?.({ ...event, broker: broker.name })
        if (event.kind === 'connected') logger.debug(event.detail)
        else logger.warn(event.detail, 'error' in event && event.error !== undefined ? { error: event.error.message } : undefined)
      },
    })
    this.publisher = new Publisher(this.broker, hooks, !this.local)
    this.#deadLetters = settings.deadLetters
    this.#closing = settings.closing
    this.#hooks = hooks
    this.#tellsOfNobody = this.local && hooks.noSubscriber !== undefined
    if (idempotency !== undefined && dedupTtlMs !== undefined) {
      const report = (detail: string, error: Error): void => logger.warn(detail, { error: error.message })
      this.#dedup = new Dedup({ store: idempotency, ttlMs: dedupTtlMs, clock, collect: !this.local, report })
    }
    const firstAttempted = this.local ? this.#firstAttempts.made.bind(this.#firstAttempts) : undefined
    const ended = this.#firstAttempts.ended.bind(this.#firstAttempts)
    const republish = (messages: readonly WireMessage[]): Awaitable<void> => this.publish(messages, undefined)
    this.consumers = new GroupConsumers({ ...shared, broker: this.broker, dedup: this.#dedup, republish, firstAttempted, ended })
  }

  get local(): boolean {
    return this.broker.capabilities.local
  }

  deadLetterPlace(): DeadLetterPlace {
    return {
      broker: this.broker.name,
      store: this.#deadLetters ?? this.broker.inner.deadLetters,
      publish: async (messages, options) => this.publish(messages, options?.signal),
    }
  }

  /** Messages as they are published for the broadcast subscriptions of this process alone: one for each group of these. */
  broadcasts(messages: readonly WireMessage[]): Awaitable<readonly WireMessage[]> {
    if (messages.length === 0) return messages
    return after(this.#discover(messages), () => {
      const groups = this.consumers.all.filter(({ engine }) => engine.broadcast)
      const targeted = (message: WireMessage): readonly WireMessage[] =>
        groups.filter(({ destination }) => destination === message.destination).map(({ group }) => changed(message, { target: { group } }))
      return messages.flatMap(targeted)
    })
  }

  /** Deliveries that are in hand. */
  get inHand(): number {
    return this.consumers.all.reduce((sum, { engine }) => sum + engine.inHand, 0)
  }

  /** Whether anything is left to do: in hand, or with the broker for a group of this process. */
  async busy(): Promise<boolean> {
    if (this.inHand > 0) return true
    const { lag, delayed, unsettled } = await this.broker.getMetrics()
    const left = lag + delayed + unsettled
    return left > 0 && left > (await this.#abandoned())
  }

  /** What is kept for groups that nobody consumes any more. Only a broker in this process can be asked as often as that. */
  async #abandoned(): Promise<number> {
    if (!this.local) return 0
    const groups = (await this.broker.inner.listGroups?.()) ?? []
    return groups
      .filter(({ consumers }) => consumers === 0)
      .reduce((sum, { lag, delayed, unsettled }) => sum + lag + delayed + unsettled, 0)
  }

  publish(messages: readonly WireMessage[], signal: AbortSignal | undefined): Awaitable<void> {
    return after(this.#discover(messages), () => {
      if (this.#tellsOfNobody) this.#tellOfNobody(messages)
      return this.publisher.publish(messages, signal)
    })
  }

  /** In one process it is known when nobody will get an event: no group here consumes its destination. */
  #tellOfNobody(messages: readonly WireMessage[]): void {
    const wanted = new Set(this.consumers.all.map(({ destination }) => destination))
    for (const message of messages) {
      if (message.target === undefined && !wanted.has(message.destination))
        this.#hooks.noSubscriber?.({ broker: this.broker.name, message, group: undefined, broadcast: false })
    }
  }

  /** Publishes, and resolves when every handler here had its first attempt. Only where the broker is local. */
  async publishAndWait(messages: readonly WireMessage[], signal: AbortSignal | undefined): Promise<void> {
    const attempts = messages.map((message) => this.#firstAttempts.expect(message, this.consumers.all))
    try {
      await this.publish(messages, signal)
    } catch (thrown) {
      for (const message of messages) this.#firstAttempts.forget(message)
      throw thrown
    }
    await Promise.all(attempts)
  }

  /** In one process a destination that is new is seen before its first event, not after. */
  #discover(messages: readonly WireMessage[]): Awaitable<void> {
    if (!this.local) return
    const news = messages.filter(({ destination }) => this.consumers.isNews(destination))
    if (news.length > 0) return this.consumers.discover(news.map(({ destination }) => destination))
  }

  async close(options: CloseOptions | undefined): Promise<void> {
    await this.publisher.flushed(this.#closing)
    this.#dedup?.close()
    await this.broker.close(options)
  }
}
