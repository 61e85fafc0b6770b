import { isInterlineError, type Receive, toError } from '@interline/core'
import type { BrokerContext } from './context.js'
import type { Epoch } from './epoch.js'
import type { RabbitMqDelivery } from './rabbitmq-delivery.js'

/** Hands what arrives to core, as much as the window allows, one call at a time. */
export class HandOut {
  readonly #receive: Receive
  readonly #window: number
  readonly #context: BrokerContext
  #buffer: RabbitMqDelivery[] = []
  #unsettled = 0
  #paused = false
  #stopped = false
  #receiving = false
  #scheduled = false

  constructor(receive: Receive, window: number, context: BrokerContext) {
    this.#receive = receive
    this.#window = window
    this.#context = context
  }

  get unsettled(): number {
    return this.#unsettled
  }

  push(delivery: RabbitMqDelivery): void {
    this.#buffer.push(delivery)
    this.#schedule()
  }

  /** Leaves out what is not to be handed out here any more. */
  drop(chosen: (delivery: RabbitMqDelivery) => boolean): void {
    this.#buffer = this.#buffer.filter((delivery) => !chosen(delivery))
  }

  /** One that was handed out is no longer in hand. */
  ended(): void {
    this.#unsettled--
    if (this.#buffer.length > 0) this.#schedule()
  }

  /** What came by a channel that is gone can't be settled any more. */
  lost(epoch: Epoch): void {
    for (const { handed, isReleased } of epoch.inHand.values()) if (handed && !isReleased) this.ended()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#schedule()
  }

  stop(): void {
    this.#stopped = true
    this.#buffer = []
  }

  /** What arrives in one piece is handed out in one call. */
  #schedule(): void {
    if (this.#scheduled || this.#receiving) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      void this.#pump()
    })
  }

  async #pump(): Promise<void> {
    if (this.#receiving) return
    this.#receiving = true
    while (!this.#stopped && !this.#paused && this.#buffer.length > 0 && this.#unsettled < this.#window) {
      const deliveries = this.#buffer.splice(0, this.#window - this.#unsettled).filter(({ lost }) => !lost.aborted)
      for (const delivery of deliveries) delivery.handed = true
      this.#unsettled += deliveries.length
      this.#context.counts.delivered += deliveries.length
      try {
        if (deliveries.length > 0) await this.#receive(deliveries)
      } catch (thrown) {
        const error = toError(thrown)
        const detail = isInterlineError(error) ? error.message : 'Deliveries could not be taken in; they come again when the channel ends.'
        this.#context.report({ kind: 'warning', detail, error })
      }
    }
    this.#receiving = false
  }
}
