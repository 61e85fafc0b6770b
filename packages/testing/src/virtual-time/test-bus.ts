import { AssertionError } from 'node:assert'
import {
  type AnyEvent,
  type AnyTarget,
  type DeadLetter,
  EventBus,
  type EventBusOptions,
  type EventOf,
  type HandledEvent,
  type ILogger,
  type Instrumentation,
  type PublishOptions,
} from '@interline/core'
import { type SagaDefinition, SagaManager } from '@interline/domain'
import { MemoryBroker, MemorySagaStore } from '@interline/memory'
import { waitFor } from '../waiting/wait-for.js'
import { describePublished, isOf, nameOf, type PublishedEvent, RecordingBroker } from './published-events.js'
import { settle } from './settle.js'
import { VirtualClock } from './virtual-clock.js'

export interface TestBusOptions extends Omit<EventBusOptions, 'broker' | 'clock' | 'codec'> {
  /** Instances whose decorators say what they handle. */
  readonly handlers?: readonly object[] | undefined
  /** Sagas that run on this bus, kept in memory; `test.sagas` finds them. */
  readonly sagas?: readonly SagaDefinition[] | undefined
  /** When the virtual time begins. Default: 1 January 2030. */
  readonly startAt?: Date | undefined
}

/** One attempt of one handler. */
export interface HandledAttempt {
  readonly type: string
  readonly id: string
  readonly handler: string
  readonly group: string
  readonly attempt: number
  /** Set when it failed. */
  readonly error: Error | undefined
}

const idleLimitMs = 5_000
const closingStepMs = 1_000
const quiet: ILogger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** A started bus in memory whose time stands still. Subscribe on `test.bus`, publish, and let time pass with `advance`. */
export async function testBus(options: TestBusOptions = {}): Promise<TestBus> {
  const test = new TestBus(options)
  for (const handler of options.handlers ?? []) await test.bus.register(handler)
  await test.bus.start()
  if (options.sagas !== undefined) await test.sagas.start()
  return test
}

/** What `testBus` gives. Retries, timeouts and delays of days take as long as the code behind them. */
export class TestBus implements AsyncDisposable {
  readonly bus: EventBus
  readonly clock: VirtualClock
  readonly sagas: SagaManager
  readonly #broker = new RecordingBroker(new MemoryBroker())
  readonly #handled: HandledAttempt[] = []
  readonly #deadLetters: DeadLetter[] = []
  readonly #running = new Set<string>()
  #activity = 0

  constructor({ handlers: _registered, sagas = [], startAt, instrumentation = [], retry, ...options }: TestBusOptions) {
    this.clock = new VirtualClock(startAt)
    const own: Instrumentation = {
      handled: (attempt) => void this.#handled.push(attemptOf(attempt)),
      deadLettered: (letter) => void this.#deadLetters.push(letter),
    }
    this.bus = new EventBus({
      logger: quiet,
      ...options,
      // Without chance, so that a test can say to the millisecond when the next attempt is due.
      retry: { ...retry, backoff: { jitter: 0, ...retry?.backoff } },
      broker: this.#broker,
      clock: this.clock,
      instrumentation: [own, ...[instrumentation].flat()] as Instrumentation[],
    })
    this.sagas = new SagaManager({ bus: this.bus, store: new MemorySagaStore({ clock: this.clock }), clock: this.clock, logger: quiet })
    this.bus.use(async ({ handler, event }, next) => {
      const run = `${handler} (${String((event as { readonly type?: unknown }).type)})`
      this.#activity += 1
      this.#running.add(run)
      try {
        return await next()
      } finally {
        this.#running.delete(run)
        this.#activity += 1
      }
    })
    for (const saga of sagas) this.sagas.register(saga)
  }

  /** Publishes, and lets everything happen that needs no time. */
  async publish(event: AnyEvent, options?: PublishOptions): Promise<void> {
    await this.bus.publish(event, options)
    await settle()
  }

  /** Lets time pass: every timer on the way runs in its order, and what it sets off before the next. */
  async advance(byMs: number): Promise<void> {
    await this.clock.advance(byMs)
  }

  /** Resolves when nothing happens any more without time passing. Rejects when a handler does not come to its end. */
  async idle(): Promise<void> {
    for (let before = -1; before !== this.#activity; ) {
      before = this.#activity
      await settle()
      await waitFor(() => this.#running.size === 0, {
        limitMs: idleLimitMs,
        what: 'handlers to finish (one that waits for time needs "advance")',
        progress: () => [...this.#running].join(', '),
      })
      await settle()
    }
  }

  /** What was accepted, in its order, delayed events included. */
  get published(): readonly PublishedEvent[] {
    return this.#broker.published
  }

  /** Attempts that came to their end. */
  get handled(): readonly HandledAttempt[] {
    return this.#handled
  }

  get deadLetters(): readonly DeadLetter[] {
    return this.#deadLetters
  }

  /** The first published event of the target that fits. Throws an AssertionError that lists what was published instead. */
  expectPublished<const T extends AnyTarget>(target: T, predicate?: (event: EventOf<T>) => boolean): EventOf<T> {
    const found = this.#find(target, predicate)
    if (found !== undefined) return found
    const fits = predicate === undefined ? '' : ' that fits'
    const message = `No ${nameOf(target)} was published${fits}. ${describePublished(this.published)}`
    throw new AssertionError({ message, operator: 'expectPublished', stackStartFn: this.expectPublished })
  }

  expectNotPublished<const T extends AnyTarget>(target: T, predicate?: (event: EventOf<T>) => boolean): void {
    if (this.#find(target, predicate) === undefined) return
    const message = `${nameOf(target)} was published, and should not have been. ${describePublished(this.published)}`
    throw new AssertionError({ message, operator: 'expectNotPublished', stackStartFn: this.expectNotPublished })
  }

  /** Ends the bus. Handlers that hang are aborted, and time passes for them as far as the bus wants to wait. */
  async close(): Promise<void> {
    let isClosed = false
    const closed = this.sagas
      .close()
      .then(() => this.bus.close({ timeoutMs: 0 }))
      .finally(() => {
        isClosed = true
      })
    const passTime = async (): Promise<boolean> => {
      await this.clock.advance(closingStepMs)
      return isClosed
    }
    await waitFor(passTime, { limitMs: idleLimitMs, what: 'the bus to close' })
    await closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #find<T extends AnyTarget>(target: T, predicate: ((event: EventOf<T>) => boolean) | undefined): EventOf<T> | undefined {
    const ofTarget = this.published.filter((published) => isOf(target, published))
    return ofTarget
      .map(({ event }) => event as EventOf<T>)
      .find((event) => event !== undefined && (predicate === undefined || predicate(event)))
  }
}

function attemptOf({ message, handler, group, attempt, error }: HandledEvent): HandledAttempt {
  return { type: message.attributes.type ?? '', id: message.attributes.id ?? '', handler, group, attempt, error }
}
