import assert from 'node:assert/strict'
import {
  type AnyTarget,
  type BrokerCapabilities,
  EventBus,
  type EventBusOptions,
  type HandlerFunction,
  type HandlerOptions,
  type IBroker,
  type IDeadLetterStore,
  type IEventBus,
  type ILogger,
  type RetryOptions,
} from '@interline/core'
import type { Recorder } from '../waiting/recorder.js'
import { type WaitOptions, waitFor } from '../waiting/wait-for.js'
import type { Limits, Scale, TestBrokerOptions } from './broker-options.js'
import type { ThingEvent } from './events.js'
import { SharedBroker } from './shared-broker.js'

export interface RoomBusOptions extends Partial<Omit<EventBusOptions, 'broker'>> {
  /** Puts something around the broker of this bus. */
  readonly wrap?: ((broker: IBroker) => IBroker) | undefined
  /** Another broker than the room's, such as one on a private server. */
  readonly broker?: IBroker | undefined
}

/** Cases cause errors on purpose; what a bus says of them is noise for the reader of a test run. */
const silent: ILogger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

let rooms = 0

/** What one case works in: a namespace of its own, buses that are closed afterwards, and the counts and limits of the run. */
export class Room {
  readonly namespace: string
  readonly options: TestBrokerOptions
  readonly scale: Scale
  readonly limits: Limits
  readonly capabilities: BrokerCapabilities
  readonly #shared: SharedBroker | undefined
  readonly #deadLetters: IDeadLetterStore | undefined
  readonly #parking: IDeadLetterStore | undefined
  readonly #closing: (() => Promise<unknown>)[] = []

  constructor(options: TestBrokerOptions, scale: Scale, limits: Limits) {
    rooms += 1
    this.namespace = `it-${process.pid.toString(36)}-${rooms.toString(36)}-${Math.random().toString(36).slice(2, 8)}`
    this.options = options
    this.scale = scale
    this.limits = limits
    this.#deadLetters = options.deadLetterStore?.()
    this.#parking = options.deadLetterStore?.()
    const first = options.create(this.namespace)
    this.capabilities = first.capabilities
    this.#shared = first.capabilities.local ? new SharedBroker(first) : undefined
  }

  /** The count of the full run, or of the short one. */
  count(full: number, short: number): number {
    if (this.scale === 'full') return full
    return this.scale === 'short' ? short : Math.max(10, Math.ceil(short / 10))
  }

  /** A broker as another process would have it. */
  broker(): IBroker {
    return this.#shared?.view() ?? this.options.create(this.namespace)
  }

  /** A bus as another process would have it: of the same service, with a broker of its own. Closed with the room. */
  bus({ wrap, broker = this.broker(), ...options }: RoomBusOptions = {}): IEventBus {
    const used = wrap === undefined ? broker : wrap(broker)
    const bus = this.makeBus({
      service: 'suite',
      retry: used.capabilities.retry ? quickRetry() : undefined,
      logger: silent,
      deadLetters: this.#deadLetters,
      parking: this.#parking,
      ...this.options.bus,
      ...options,
      broker: used,
    })
    if (!this.hasGroups) everySubscriptionBroadcasts(bus)
    this.#closing.push(() => bus.close({ timeoutMs: this.limits.gapMs }))
    return bus
  }

  get hasGroups(): boolean {
    return this.capabilities.groups !== false
  }

  /** How many processes of one group share its events: one where a broker has no groups. */
  members(count: number): number {
    return this.hasGroups ? count : 1
  }

  /** Runs when the case is over, last first. */
  defer(close: () => Promise<unknown>): void {
    this.#closing.push(close)
  }

  waitFor(condition: () => boolean | Promise<boolean>, options: WaitOptions = {}): Promise<void> {
    return waitFor(condition, { limitMs: this.limits.gapMs, ...options })
  }

  /** Until the recorder handled so many. */
  handled(recorder: Recorder<ThingEvent>, count: number, limitMs: number = this.limits.gapMs): Promise<void> {
    return recorder.waitForCount(count, { limitMs })
  }

  /** Until the groups of this bus have nothing left, so that "no more than that came" can be said without waiting at random. */
  async drained(...buses: readonly IEventBus[]): Promise<void> {
    for (const bus of buses) {
      let left = ''
      await this.waitFor(
        async () => {
          const { lag, unsettled } = await bus.getBroker().getMetrics()
          left = `lag ${lag}, unsettled ${unsettled}`
          return lag === 0 && unsettled === 0
        },
        { what: 'a lag of 0', progress: () => left },
      )
    }
  }

  protected makeBus(options: EventBusOptions & { readonly broker: IBroker }): IEventBus {
    return new EventBus(options)
  }

  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const close of this.#closing.reverse()) await close().catch((error: unknown) => failures.push(error))
    await this.#shared?.close()
    await this.options.cleanUp?.(this.namespace)
    assert.deepEqual(failures, [], 'closing what the case opened must succeed')
  }
}

/** A broker without groups takes broadcasts only, and owes them all that does not need a group. */
function everySubscriptionBroadcasts(bus: IEventBus): void {
  const subscribe = bus.subscribe.bind(bus) as (target: AnyTarget, handler: HandlerFunction<object>, options?: HandlerOptions) => unknown
  const broadcasting: typeof subscribe = (target, handler, options) => subscribe(target, handler, { broadcast: true, ...options })
  bus.subscribe = broadcasting as IEventBus['subscribe']
}

/** Retries that cost a test no time. */
export function quickRetry(maxAttempts = 5): RetryOptions {
  return { maxAttempts, backoff: { type: 'fixed', delayMs: 5, jitter: 0 } }
}
