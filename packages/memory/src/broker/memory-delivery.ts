import type { DeadLetter, Delivery, Retry, WireMessage } from '@interline/core'
import type { Delayed } from './delayed-queue.js'
import type { GroupQueue } from './group-queue.js'
import type { Lane } from './key-lanes.js'
import type { MemoryConsumer } from './memory-consumer.js'

/**
 * One message for one group. Good for one hand-out: what comes again is a new delivery, so that whoever still holds the old one is
 * told that it came too late. The fields after `sequence` belong to the lists and queues that a delivery passes through.
 */
export class MemoryDelivery implements Delivery, Delayed {
  readonly message: WireMessage
  readonly redelivered: boolean
  readonly queue: GroupQueue
  /** Position in the destination's log. */
  readonly sequence: number
  progress: string | undefined
  /** Who got it; kept when it is settled. */
  holder: MemoryConsumer | undefined = undefined
  /** Until it is lost, and of all that its holder has owned together with it. */
  ownership: AbortSignal | undefined = undefined
  inHand = false
  /** No run of it is open: given back, it comes as it was. */
  released = false
  lane: Lane | undefined = undefined
  previous: MemoryDelivery | undefined = undefined
  next: MemoryDelivery | undefined = undefined

  constructor(queue: GroupQueue, message: WireMessage, sequence: number, progress: string | undefined, redelivered: boolean) {
    this.queue = queue
    this.message = message
    this.sequence = sequence
    this.progress = progress
    this.redelivered = redelivered
  }

  get ref(): string {
    return this.queue.refPrefix + this.sequence
  }

  get lost(): AbortSignal {
    return this.ownership as AbortSignal
  }

  ack(): boolean {
    if (!this.inHand) return false
    this.queue.state.counters.acked++
    this.queue.settle(this)
    return true
  }

  note(progress: string): boolean {
    if (!this.inHand) return false
    this.progress = progress
    return true
  }

  retry({ afterMs, progress, deadLetters }: Retry): boolean {
    if (!this.inHand) return false
    this.queue.state.counters.retried++
    this.queue.keep(deadLetters)
    this.queue.comeAgain(this, this.again(progress, false), afterMs)
    return true
  }

  deadLetter(letters: readonly DeadLetter[]): boolean {
    if (!this.inHand) return false
    this.queue.keep(letters)
    this.queue.settle(this)
    return true
  }

  release(): void {
    this.released = true
  }

  /** The same message for the next hand-out. */
  again(progress: string | undefined, redelivered: boolean): MemoryDelivery {
    return new MemoryDelivery(this.queue, this.message, this.sequence, progress, redelivered)
  }

  due(): void {
    this.queue.due(this)
  }
}
