import { type BrokerEvent, type Consumer, type Receive, toError } from '@interline/core'
import { DeliveryList } from './delivery-list.js'
import type { GroupQueue } from './group-queue.js'
import type { Lane } from './key-lanes.js'
import type { MemoryDelivery } from './memory-delivery.js'

/** One member of a group: hands deliveries to core as long as core has room for them. */
export class MemoryConsumer implements Consumer {
  /** In the order they were handed out. */
  readonly inHand: DeliveryList = new DeliveryList()
  /** Keys that it holds and whose next delivery waits for room. */
  readonly openLanes: Set<Lane> = new Set()
  readonly #queue: GroupQueue
  readonly #receive: Receive
  readonly #window: number
  readonly #report: (event: BrokerEvent) => void
  readonly #lost = new AbortController()
  #ownership = this.#lost.signal
  #state: 'open' | 'paused' | 'stopped' | 'closed' = 'open'
  /** Core has not yet said that it has room for more. */
  #waiting = false

  constructor(queue: GroupQueue, receive: Receive, window: number, report: (event: BrokerEvent) => void) {
    this.#queue = queue
    this.#receive = receive
    this.#window = window
    this.#report = report
  }

  /** How many more deliveries it takes right now. */
  get room(): number {
    return this.#state === 'open' && !this.#waiting ? this.#window - this.inHand.size : 0
  }

  /** Aborted once it is closed with deliveries in hand. Another one since the members of its group have changed: keys may have been elsewhere. */
  get lost(): AbortSignal {
    return this.#ownership
  }

  membersChanged(): void {
    this.#ownership = AbortSignal.any([this.#lost.signal])
  }

  pause(): void {
    if (this.#state === 'open') this.#state = 'paused'
  }

  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'open'
    this.#queue.wake()
  }

  stop(): void {
    if (this.#state !== 'closed') this.#state = 'stopped'
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    const givesBack = this.inHand.size > 0
    this.#queue.leave(this)
    if (givesBack) this.#lost.abort()
  }

  hand(deliveries: readonly MemoryDelivery[]): void {
    const ownership = this.#queue.isLone ? this.#ownership : undefined
    for (const delivery of deliveries) {
      delivery.holder = this
      delivery.ownership = ownership ?? this.#ownershipOf(delivery.lane)
      delivery.inHand = true
      this.inHand.push(delivery)
    }
    try {
      const taken = this.#receive(deliveries)
      if (taken instanceof Promise) this.#waitFor(taken)
    } catch (thrown) {
      this.#refused(thrown)
    }
  }

  /** Keys go from one member to the other as they come: each time to another owner. */
  #ownershipOf(lane: Lane | undefined): AbortSignal {
    return lane === undefined ? this.#ownership : (lane.ownership ??= AbortSignal.any([this.#lost.signal]))
  }

  #waitFor(taken: Promise<void>): void {
    this.#waiting = true
    taken
      .catch((thrown: unknown) => this.#refused(thrown))
      .finally(() => {
        this.#waiting = false
        this.#queue.wake()
      })
  }

  #refused(thrown: unknown): void {
    const detail = 'Deliveries were handed over and "receive" failed; they stay in hand until they are settled or the consumer is closed.'
    this.#report({ kind: 'warning', detail, error: toError(thrown) })
  }
}
