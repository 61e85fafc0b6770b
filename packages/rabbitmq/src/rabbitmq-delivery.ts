import type { DeadLetter, Delivery, Retry, WireMessage } from '@interline/core'
import type { ConsumeMessage } from 'amqplib'
import type { Epoch } from './epoch.js'
import type { Hops } from './hops.js'
import type { DecodedMessage } from './rabbitmq-message.js'

/** Told of what becomes of the deliveries. */
export interface DeliveryOwner {
  readonly hops: Hops
  /** It is settled, or lost. */
  ended(delivery: RabbitMqDelivery, how: 'acked' | 'retried' | 'dead'): void
  released(delivery: RabbitMqDelivery): void
}

/** A message in the hands of this process. */
export class RabbitMqDelivery implements Delivery {
  readonly message: WireMessage
  readonly ref: string
  readonly progress: string | undefined
  readonly redelivered: boolean
  readonly undecodable: Error | undefined
  readonly raw: ConsumeMessage
  readonly epoch: Epoch
  readonly leaving: AbortSignal
  readonly #owner: DeliveryOwner
  /** Waits to be handed to core, or was. */
  offered = false
  /** Handed to core. */
  handed = false
  /** Core has let go of it. */
  isReleased = false
  #settling = false

  constructor(owner: DeliveryOwner, epoch: Epoch, raw: ConsumeMessage, decoded: DecodedMessage, ref: string, redelivered: boolean) {
    this.#owner = owner
    this.epoch = epoch
    this.leaving = epoch.leaving
    this.raw = raw
    this.message = decoded.message
    this.undecodable = decoded.undecodable
    this.ref = ref
    this.redelivered = redelivered
    this.progress = epoch.notes?.progressOf(ref) ?? decoded.progress
  }

  get tag(): number {
    return this.raw.fields.deliveryTag
  }

  get lost(): AbortSignal {
    return this.epoch.lost
  }

  ack(): boolean | Promise<boolean> {
    if (this.#isTooLate()) return false
    this.#end('acked')
    if (!this.redelivered) {
      this.epoch.acknowledger.settle(this.tag)
      return true
    }
    return this.#ackSurely()
  }

  async note(progress: string): Promise<boolean> {
    if (this.#isTooLate()) return false
    // without order nobody waits for this one alone; what is handed out again goes where notes are kept
    try {
      await this.epoch.notes?.note(this.ref, progress)
    } catch (thrown) {
      if (!this.epoch.gone) throw thrown
    }
    return !this.epoch.gone
  }

  async retry({ afterMs, progress, deadLetters }: Retry): Promise<boolean> {
    return this.#hop('retried', async () => {
      await this.#owner.hops.bury(this, deadLetters)
      await this.#owner.hops.later(this, afterMs, progress)
    })
  }

  async deadLetter(letters: readonly DeadLetter[]): Promise<boolean> {
    return this.#hop('dead', () => this.#owner.hops.bury(this, letters))
  }

  release(): void {
    if (this.#isTooLate()) return
    this.isReleased = true
    this.#owner.released(this)
  }

  /** Stored in its next place first, then taken out of this one: a crash in between makes two of it, never none. */
  async #hop(how: 'retried' | 'dead', store: () => Promise<void>): Promise<boolean> {
    if (this.#isTooLate()) return false
    this.#settling = true
    try {
      await store()
    } finally {
      this.#settling = false
    }
    if (this.#isTooLate()) return false
    this.#end(how)
    if (this.redelivered) return this.#ackSurely()
    this.epoch.acknowledger.settle(this.tag)
    return true
  }

  /** The next suspect may end the process at once: this one must be off the server's list by then. */
  async #ackSurely(): Promise<boolean> {
    try {
      await this.epoch.acknowledger.settleNow(this.tag)
      return true
    } catch {
      // the channel closed meanwhile, which aborts `lost`
      return false
    }
  }

  #isTooLate(): boolean {
    return this.#settling || this.isReleased || !this.epoch.inHand.has(this.tag)
  }

  #end(how: 'acked' | 'retried' | 'dead'): void {
    this.epoch.inHand.delete(this.tag)
    this.epoch.notes?.settled(this.ref)
    this.#owner.ended(this, how)
  }
}
