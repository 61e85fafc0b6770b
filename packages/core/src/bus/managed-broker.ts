import { ClosedError, ConnectionError, EventTooLargeError, isInterlineError, toError, UnsupportedFeatureError } from '../errors.js'
import type { Abortable, Awaitable, CloseOptions } from '../ports/abortable.js'
import type { BrokerCapabilities, BrokerEvent, BrokerMetrics, Consumer, IBroker, Source, StoreOptions } from '../ports/broker.js'
import type { IClock } from '../ports/clock.js'
import type { Receive } from '../ports/delivery.js'
import type { ComponentHealth } from '../ports/health.js'
import type { Instrumentation } from '../ports/instrumentation.js'
import type { WireMessage } from '../ports/message.js'

export interface ManagedBrokerSettings {
  readonly clock: IClock
  readonly report: (event: BrokerEvent) => void
  readonly connectTimeoutMs: number
  /** What the driver does is done in here, where somebody asked for that. */
  readonly quietly: Instrumentation['quietly']
}

/** What was asked for by name, as opposed to what is done where nothing is said. */
export interface FailureDemands {
  /** More than one attempt. */
  readonly retry: boolean
  readonly deadLetter: boolean
  /** An exchange to put dead letters in. */
  readonly deadLetterAddress: boolean
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting'; readonly done: Promise<void> }
  | { readonly kind: 'ready' }
  | { readonly kind: 'closed'; readonly done: Promise<void> }

/** An adapter under supervision: connected once, refused after close, asked only for what it can do. */
export class ManagedBroker {
  readonly inner: IBroker
  readonly #settings: ManagedBrokerSettings
  readonly #quietly: Instrumentation['quietly']
  #state: State = { kind: 'idle' }
  #wasAsked = false

  constructor(inner: IBroker, settings: ManagedBrokerSettings) {
    this.inner = inner
    this.#settings = settings
    // in this process there is no driver
    this.#quietly = inner.capabilities.local ? undefined : settings.quietly
  }

  get name(): string {
    return this.inner.name
  }

  get capabilities(): BrokerCapabilities {
    return this.inner.capabilities
  }

  /** Once for all callers; a failure lets the next caller try again. */
  connect({ signal }: Abortable = {}): Promise<void> {
    if (this.#state.kind === 'closed') return Promise.reject(this.#closedError('connect to'))
    if (this.#state.kind === 'ready') return Promise.resolve()
    if (this.#state.kind === 'connecting') return this.#state.done
    this.#wasAsked = true
    const done = this.#connect(signal)
    this.#state = { kind: 'connecting', done }
    return done
  }

  publish(messages: readonly WireMessage[], options?: StoreOptions): Awaitable<void> {
    if (this.#state.kind !== 'ready') throw this.#closedError('publish to')
    for (const message of messages) this.check(message)
    return this.#quietly === undefined ? this.inner.publish(messages, options) : this.#publishQuietly(messages, options)
  }

  // On its own, as its closure would cost every event.
  #publishQuietly(messages: readonly WireMessage[], options: Abortable | undefined): Awaitable<void> {
    return this.quietly(() => this.inner.publish(messages, options))
  }

  subscribe(source: Source, receive: Receive, options?: Abortable): Awaitable<Consumer> {
    if (this.#state.kind !== 'ready') throw this.#closedError('subscribe to')
    const { capabilities } = this
    if (source.order === 'key' && capabilities.order !== 'key') {
      throw this.unsupported('keep order by key', `Give order: 'none'`)
    }
    if (source.broadcast && !capabilities.broadcast)
      throw this.unsupported('broadcast to every process', 'Give each process a group of its own')
    if (!source.broadcast && capabilities.groups === false)
      throw this.unsupported('share events among the processes of a group: each of them gets all', 'Give broadcast: true')
    if (source.from !== 'now' && !capabilities.replay)
      throw this.unsupported('start a group in the past', `Give from: 'now', or replay from an event store`)
    return this.quietly(() => this.inner.subscribe(source, receive, options))
  }

  /** Throws for what a handler or a bus asks to be done with failures, and the broker can't do. */
  checkFailure({ retry, deadLetter, deadLetterAddress }: FailureDemands, hasStore: boolean): void {
    const { capabilities } = this
    if (retry && !capabilities.retry) throw this.unsupported('give a failed event again', 'Leave out "retry"')
    if (deadLetterAddress && !capabilities.deadLetterAddress)
      throw this.unsupported('put dead letters at an exchange', 'Leave out "exchange" and "routingKey"')
    if (deadLetterAddress && hasStore)
      throw this.unsupported('put dead letters at an exchange beside a dead-letter store', 'Leave out one of the two')
    if (!deadLetter) return
    if (capabilities.groups === false) throw this.unsupported('keep dead letters', 'Leave them out')
    if (capabilities.deadLetters === 'none' && !hasStore) throw this.unsupported('keep dead letters', 'Configure a dead-letter store')
  }

  async health(options?: Abortable): Promise<ComponentHealth> {
    if (this.#state.kind !== 'ready') return { status: 'fail', output: `not connected (${this.#state.kind})` }
    try {
      return await this.quietly(() => this.inner.health(options))
    } catch (thrown) {
      return { status: 'fail', output: toError(thrown).message }
    }
  }

  async getMetrics(options?: Abortable): Promise<BrokerMetrics> {
    return this.quietly(() => this.inner.getMetrics(options))
  }

  /** Twice gives the same promise. */
  close(options?: CloseOptions): Promise<void> {
    if (this.#state.kind === 'closed') return this.#state.done
    const before = this.#state
    const done = (async () => {
      if (before.kind === 'connecting') await before.done.catch(() => undefined)
      // also where it was refused: some of its connections may be there, or come after the deadline
      if (this.#wasAsked) await this.quietly(() => this.inner.close(options))
    })()
    this.#state = { kind: 'closed', done }
    return done
  }

  /** Where somebody asked for it, without the eyes of who watches the driver. */
  quietly<T>(run: () => T): T {
    return this.#quietly === undefined ? run() : this.#quietly(run)
  }

  unsupported(what: string, instead: string): UnsupportedFeatureError {
    return new UnsupportedFeatureError(`The ${this.name} broker can not ${what} as it is configured. ${instead}, or use a broker that can.`)
  }

  async #connect(signal: AbortSignal | undefined): Promise<void> {
    const { clock, report, connectTimeoutMs } = this.#settings
    const deadline = new AbortController()
    let giveUp: (error: Error) => void = () => undefined
    const tooLate = new Promise<never>((_, reject) => (giveUp = reject))
    const end = (error: Error): void => {
      deadline.abort(error)
      giveUp(error)
    }
    const timer = clock.setTimer(
      () =>
        end(
          new ConnectionError(`The ${this.name} broker did not answer within ${connectTimeoutMs} ms. Check its address and that it runs.`),
        ),
      connectTimeoutMs,
    )
    const onAbort = (): void => end(toError(signal?.reason))
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    try {
      const connect = async (): Promise<void> => this.inner.connect({ clock, report, signal: deadline.signal })
      const connecting = this.quietly(connect)
      await Promise.race([connecting, tooLate])
      if (this.#state.kind === 'connecting') this.#state = { kind: 'ready' }
    } catch (thrown) {
      if (this.#state.kind === 'connecting') this.#state = { kind: 'idle' }
      const error = toError(thrown)
      if (isInterlineError(error) || error.name === 'AbortError') throw error
      throw new ConnectionError(`Could not connect to the ${this.name} broker: ${error.message}`, { cause: error })
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Throws for what the broker could not carry. */
  check(message: WireMessage): void {
    if (message.deliverAt !== undefined && !this.capabilities.delayedDelivery) {
      throw this.unsupported('hold an event until a given time', 'Leave out deliverAt and delayMs')
    }
    if (message.target !== undefined && this.capabilities.groups === false) {
      throw this.unsupported('hand an event back to one group', 'Publish it again for everybody')
    }
    const { data } = message
    const { maxMessageBytes } = this.capabilities
    // three bytes a character is the most that UTF-8 takes
    if (typeof data === 'string' ? data.length * 3 < maxMessageBytes / 2 : !(data instanceof Uint8Array)) return
    const bytes = byteSize(message)
    if (bytes > maxMessageBytes) {
      throw new EventTooLargeError(
        `Event ${message.attributes.type} has ${bytes} bytes, and the ${this.name} broker takes ${maxMessageBytes}. Keep the large part elsewhere and publish where it is.`,
      )
    }
  }

  #closedError(verb: string): ClosedError {
    const what = this.#state.kind === 'closed' ? 'it is closed' : 'it is not connected'
    return new ClosedError(`Can't ${verb} the ${this.name} broker: ${what}.`)
  }
}

function byteSize({ data, attributes }: WireMessage): number {
  let bytes = typeof data === 'string' ? Buffer.byteLength(data) : data instanceof Uint8Array ? data.byteLength : 0
  for (const name in attributes) bytes += name.length + Buffer.byteLength(attributes[name] as string)
  return bytes
}
