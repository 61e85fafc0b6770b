import { type IEventBus, isInterlineError, type PublishError } from '@interline/core'
import { ThingMade } from '../contract/events.js'
import { pause } from '../waiting/wait-for.js'
import type { TotalQueue } from './total-queue.js'

export interface LoadOptions {
  readonly keys: number
  /** Between two publishes of one key. */
  readonly paceMs: number
}

/** How many publishes of one key may be open at a time; the next waits for one of them. */
const openOfKey = 16
/** How many accepted events may wait for their handlers: what a slow machine does not keep up with is not published. */
const mostWaiting = 200

/** Publishes on and on, each key in its order and without waiting for the answers, until it is stopped. */
export class Load {
  readonly keys: number
  readonly #bus: IEventBus
  readonly #queue: TotalQueue
  readonly #paceMs: number
  readonly #done: Promise<unknown>
  readonly #surprises: unknown[] = []
  #going = true
  #slowestMs = 0
  #open = 0

  constructor(bus: IEventBus, queue: TotalQueue, { keys, paceMs }: LoadOptions) {
    this.#bus = bus
    this.#queue = queue
    this.#paceMs = paceMs
    this.keys = keys
    this.#done = Promise.all(Array.from({ length: keys }, (_, index) => this.#publishAll(`key-${index}`)))
  }

  /** How many publishes have no answer yet. */
  get open(): number {
    return this.#open
  }

  /** The longest that a publish took to its answer. */
  get slowestMs(): number {
    return this.#slowestMs
  }

  /** Errors of publishes that were no PublishError. */
  get surprises(): readonly unknown[] {
    return this.#surprises
  }

  /** Resolves when everything that was published has its answer. */
  async stop(): Promise<void> {
    this.#going = false
    await this.#done
  }

  async #publishAll(key: string): Promise<void> {
    const open = new Set<Promise<void>>()
    for (let n = 0; this.#going; n++) {
      const publishing = this.#publish(key, n).finally(() => open.delete(publishing))
      open.add(publishing)
      if (open.size >= openOfKey) await Promise.race(open)
      do await pause(this.#paceMs)
      while (this.#going && this.#queue.waiting > mostWaiting)
    }
    await Promise.all(open)
  }

  async #publish(key: string, n: number): Promise<void> {
    const event = ThingMade({ n, key })
    const queued = { id: event.id, key, n }
    const began = performance.now()
    this.#queue.publishing(queued)
    this.#open += 1
    try {
      await this.#bus.publish(event)
      this.#queue.answered(queued, 'accepted')
    } catch (error) {
      if (!isPublishError(error)) this.#surprises.push(error)
      this.#queue.answered(queued, isPublishError(error) ? error.outcome : 'unknown')
    }
    this.#open -= 1
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - began)
  }
}

function isPublishError(error: unknown): error is PublishError {
  return isInterlineError(error) && error.code === 'INTERLINE_PUBLISH'
}
