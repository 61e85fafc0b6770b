import { type Awaitable, type ComponentHealth, type IBroker, PublishError, type WireMessage } from '@interline/core'
import { ForwardingBroker } from '../../src/forwarding-broker.js'
import type { FaultyLine, KillableServer } from '../../src/index.js'

/** How long a publish waits for a server that does not answer. */
export const publishTimeoutMs = 200

/** A server and a line without either: brokers behind it do what an adapter does when they fail. */
export class Outage implements KillableServer, FaultyLine {
  #kind: 'none' | 'down' | 'silent' | 'no-replies' = 'none'
  #over: () => void = () => undefined
  #ended: Promise<void> = Promise.resolve()

  get kind(): 'none' | 'down' | 'silent' | 'no-replies' {
    return this.#kind
  }

  /** Resolves when it is over, at the latest after the time-out. */
  async ended(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)))
    await Promise.race([this.#ended, limit])
    clearTimeout(timer)
  }

  async kill(): Promise<void> {
    this.#begin('down')
  }

  async start(): Promise<void> {
    this.heal()
  }

  pause(): void {
    this.#begin('silent')
  }

  resume(): void {
    this.heal()
  }

  dropReplies(): void {
    this.#begin('no-replies')
  }

  blackhole(): void {
    this.#begin('silent')
  }

  /** Nothing that is under way takes any time. */
  cut(): void {}

  heal(): void {
    this.#kind = 'none'
    this.#over()
  }

  #begin(kind: 'down' | 'silent' | 'no-replies'): void {
    this.#kind = kind
    this.#ended = new Promise((resolve) => (this.#over = resolve))
  }
}

/** What a broker may do wrong where its server fails. */
export interface Misbehaviour {
  readonly health?: 'always-pass' | 'never-pass-again'
  readonly publish?: 'never-answers' | 'stores-what-it-refuses' | 'accepts-what-it-can-not-store' | 'throws-anything'
  /** Leaves a timer behind with every publish. */
  readonly timers?: boolean
}

/** Behaves as an adapter does: rejects while the server is down, gives up where it is silent, sends again where the answer was lost. */
export class BehindOutage extends ForwardingBroker {
  readonly #outage: Outage
  readonly #wrong: Misbehaviour
  #wasDown = false

  constructor(inner: IBroker, outage: Outage, wrong: Misbehaviour = {}) {
    super(inner)
    this.#outage = outage
    this.#wrong = wrong
  }

  override async publish(messages: readonly WireMessage[]): Promise<void> {
    const { publish, timers = false } = this.#wrong
    if (timers) setInterval(() => undefined, 60_000)
    if (this.#outage.kind === 'silent') await this.#outage.ended(publish === 'never-answers' ? 60_000 : publishTimeoutMs)
    switch (this.#outage.kind) {
      case 'none':
        return this.inner.publish(messages)
      case 'no-replies':
        if (publish === 'accepts-what-it-can-not-store') return
        await this.inner.publish(messages)
        return this.#outage.ended(publishTimeoutMs)
      case 'down':
        if (publish === 'stores-what-it-refuses') await this.inner.publish(messages)
        if (publish === 'throws-anything') throw new TypeError('Something is not a function.')
        throw new PublishError('The server is down.', { outcome: 'failed' })
      case 'silent':
        throw new PublishError('The server does not answer.', { outcome: 'unknown' })
      default:
        return this.#outage.kind satisfies never
    }
  }

  override health(): Awaitable<ComponentHealth> {
    const isDown = this.#outage.kind === 'down' || this.#outage.kind === 'silent'
    this.#wasDown ||= isDown
    if (this.#wrong.health === 'always-pass') return { status: 'pass' }
    return { status: isDown || (this.#wasDown && this.#wrong.health === 'never-pass-again') ? 'fail' : 'pass' }
  }
}
