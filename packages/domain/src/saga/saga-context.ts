import { ConfigurationError, type EventMetadata, keepEvent, type PublishOptions } from '@interline/core'
import { keyOf, type PlainRequest, type Request } from '../request/request.js'
import type { Outgoing, SagaReason, SagaTimer } from './saga-body.js'

/** What a saga may do while it runs. Nothing of it happens before the state is stored, and all of it happens once that is. */
export interface SagaContext {
  readonly id: string
  readonly type: string
  /** The name of the step, timeout or event that runs. */
  readonly step: string
  /** 1 on the first run. */
  readonly attempt: number
  /** The same for every run of this step, for this event or for this time of a timeout, to hand to what must not happen twice. */
  readonly idempotencyKey: string
  /** Aborted when the step's time is up, or another process has taken the saga over. */
  readonly signal: AbortSignal
  /** Now, by the store's clock. */
  readonly now: Date
  /** Why the saga is undone; `undefined` while it goes on. */
  readonly reason: SagaReason | undefined
  /** Published when the state is stored: with it, or not at all. */
  publish(event: object, options?: Pick<PublishOptions, 'key' | 'topic' | 'priority'>): Promise<void>
  /** Sends a command in the same way; needs a command bus over a broker. */
  send(command: Request | PlainRequest): void
  /** Runs the timeout of this name after so long, in place of the one that is set. */
  setTimeout(name: string, afterMs: number): void
  cancelTimeout(name: string): void
  /** The saga is done; what was set is forgotten. */
  complete(): void
  /** The saga failed: what was done is undone, in reverse. */
  compensate(reason: string): void
}

export interface RunFacts {
  readonly type: string
  readonly id: string
  readonly step: string
  /** Which of the runs of that name it is, where there may be several: a step is done once, an event and a timeout come again. */
  readonly occasion: string | undefined
  readonly attempt: number
  readonly signal: AbortSignal
  readonly now: number
  readonly timers: readonly SagaTimer[]
  readonly knownTimeouts: readonly string[]
  readonly correlationId: string | undefined
  readonly reason: SagaReason | undefined
  readonly sendsCommands: boolean
  readonly publishes: boolean
}

/** Collects what a run asks for. */
export class RunContext implements SagaContext {
  readonly #facts: RunFacts
  readonly outgoing: Outgoing[] = []
  timers: readonly SagaTimer[]
  ending: 'completed' | { readonly reason: string } | undefined

  constructor(facts: RunFacts) {
    this.#facts = facts
    this.timers = facts.timers
  }

  get id(): string {
    return this.#facts.id
  }

  get type(): string {
    return this.#facts.type
  }

  get step(): string {
    return this.#facts.step
  }

  get attempt(): number {
    return this.#facts.attempt
  }

  get idempotencyKey(): string {
    const { occasion } = this.#facts
    return `${this.type}:${this.id}:${this.step}${occasion === undefined ? '' : `:${occasion}`}`
  }

  get signal(): AbortSignal {
    return this.#facts.signal
  }

  get now(): Date {
    return new Date(this.#facts.now)
  }

  get reason(): SagaReason | undefined {
    return this.#facts.reason
  }

  async publish(event: object, options: Pick<PublishOptions, 'key' | 'topic' | 'priority'> = {}): Promise<void> {
    const { correlationId, publishes } = this.#facts
    if (!publishes) throw new ConfigurationError(`Saga "${this.type}" can't publish: give the SagaManager a bus.`)
    this.outgoing.push({ kind: 'event', event: await keepEvent(event, { source: '', correlationId }, options) })
  }

  send(command: Request | PlainRequest): void {
    if (!this.#facts.sendsCommands) {
      throw new ConfigurationError(
        `Saga "${this.type}" can't send the command "${command.type}": give the SagaManager a CommandBus over a broker.`,
      )
    }
    const { type, id = `${this.idempotencyKey}:${this.outgoing.length}`, metadata } = command
    const { correlationId } = this.#facts
    const about = { ...(correlationId === undefined ? {} : { correlationId }), ...plainMetadata(metadata) }
    const key = 'kind' in command ? keyOf(command) : undefined
    this.outgoing.push({ kind: 'command', command: { type, id, payload: command.payload ?? command.data, metadata: about }, key })
  }

  setTimeout(name: string, afterMs: number): void {
    if (!this.#facts.knownTimeouts.includes(name)) {
      throw new ConfigurationError(
        `Saga "${this.type}" has no timeout "${name}". Timeouts: ${this.#facts.knownTimeouts.join(', ') || 'none'}.`,
      )
    }
    if (!(afterMs >= 0 && afterMs < 2 ** 52)) {
      throw new ConfigurationError(`The timeout "${name}" of saga "${this.type}" is ${afterMs}; give milliseconds, 0 or more.`)
    }
    this.cancelTimeout(name)
    this.timers = [...this.timers, { name, at: this.#facts.now + afterMs }]
  }

  cancelTimeout(name: string): void {
    this.timers = this.timers.filter((timer) => timer.name !== name)
  }

  complete(): void {
    this.ending = 'completed'
  }

  compensate(reason: string): void {
    this.ending = { reason }
  }
}

/** What JSON keeps of it, and the one who carries the command does not decide. */
function plainMetadata({ userId, tenantId, traceparent, tracestate }: Partial<EventMetadata> = {}): Partial<EventMetadata> {
  return Object.fromEntries(Object.entries({ userId, tenantId, traceparent, tracestate }).filter(([, value]) => value !== undefined))
}
