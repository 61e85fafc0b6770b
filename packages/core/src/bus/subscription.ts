import { ambient } from '../delivery/context.js'
import type { Consumer } from '../ports/broker.js'
import type { Subscription } from './subscribe-options.js'

export interface SubscriptionSettings {
  readonly name: string
  readonly group: string
  readonly pattern: string
  readonly consumers: () => readonly Consumer[]
  readonly end: () => Promise<void>
  /** Told of a failure that nobody waits for. */
  readonly report: (error: unknown) => void
}

/** What `subscribe` gives back. */
export class BusSubscription implements Subscription {
  readonly name: string
  readonly group: string
  readonly pattern: string
  readonly #consumers: () => readonly Consumer[]
  readonly #end: () => Promise<void>
  readonly #report: (error: unknown) => void
  #ended: Promise<void> | undefined

  constructor({ name, group, pattern, consumers, end, report }: SubscriptionSettings) {
    this.name = name
    this.group = group
    this.pattern = pattern
    this.#consumers = consumers
    this.#end = end
    this.#report = report
  }

  pause(): void {
    for (const consumer of this.#consumers()) consumer.pause()
  }

  resume(): void {
    for (const consumer of this.#consumers()) consumer.resume()
  }

  unsubscribe(): Promise<void> {
    this.#ended ??= this.#end()
    if (ambient.getStore() === undefined) return this.#ended
    this.#ended.catch(this.#report)
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe()
  }
}
