import type { Channel } from 'amqplib'
import { Acknowledger } from './acknowledger.js'
import type { Notes } from './notes.js'
import type { RabbitMqDelivery } from './rabbitmq-delivery.js'

/**
 * One consumer on one channel, from its opening until it is gone: whatever came by it can be settled by it alone. A queue is consumed in
 * one epoch after the other.
 */
export class Epoch {
  readonly queue: string
  readonly channel: Channel
  readonly acknowledger: Acknowledger
  /** Where core's notes are kept; only where the queue has a single owner. */
  readonly notes: Notes | undefined
  /** What came by it and is not settled, by its number. */
  readonly inHand: Map<number, RabbitMqDelivery> = new Map()
  /** Something came by it. */
  active = false
  /** One came that nobody had before. What others gave back comes first, so that by then all of it is here. */
  hasNew = false
  readonly #lost = new AbortController()
  #leaving = new AbortController()
  #stayed = false

  constructor(queue: string, channel: Channel, prefetch: number, makeNotes?: (lost: AbortSignal) => Notes) {
    this.queue = queue
    this.channel = channel
    this.acknowledger = new Acknowledger(channel, prefetch)
    this.notes = makeNotes?.(this.lost)
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  get leaving(): AbortSignal {
    return this.#leaving.signal
  }

  get gone(): boolean {
    return this.#lost.signal.aborted
  }

  /** Ownership is about to end in good order. */
  leave(): void {
    this.#leaving.abort()
  }

  /** Whether one of the same key still runs from before a hand-over that was given up: it may be let go, and then comes first. */
  holdsBack({ message }: RabbitMqDelivery): boolean {
    if (!this.#stayed || message.key === undefined) return false
    for (const each of this.inHand.values()) {
      if (each.handed && !each.isReleased && each.leaving.aborted && each.message.key === message.key) return true
    }
    return false
  }

  /** It does not end after all. */
  stay(): void {
    this.#stayed = true
    this.#leaving = new AbortController()
  }

  /** Handed to core, and neither settled nor let go. */
  get busy(): boolean {
    for (const { handed, isReleased } of this.inHand.values()) if (handed && !isReleased) return true
    return false
  }

  /** What is with core still. */
  running(): readonly RabbitMqDelivery[] {
    return [...this.inHand.values()].filter(({ handed, isReleased }) => handed && !isReleased)
  }

  /** What never began or was let go: it goes to the next owner as it came. */
  untouched(): readonly RabbitMqDelivery[] {
    return [...this.inHand.values()].filter(({ handed, isReleased }) => !handed || isReleased)
  }

  /** The channel is gone; what was in hand belongs to somebody else. */
  lose(): void {
    this.acknowledger.end()
    this.inHand.clear()
    this.#lost.abort()
  }
}
