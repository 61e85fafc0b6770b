import type { BrokerEvent } from './broker.js'
import type { DeadLetter } from './dead-letter-store.js'
import type { WireMessage } from './message.js'

/**
 * What the bus tells whoever watches it. Every hook is optional; one that is not set costs nothing. A hook must not throw, and what it
 * throws is reported as a warning.
 */
export interface Instrumentation {
  /** Accepted by a broker or store. */
  published?(event: { readonly messages: readonly WireMessage[]; readonly durationMs: number }): void
  publishFailed?(event: { readonly messages: readonly WireMessage[]; readonly error: Error }): void
  /** Handed to this process, once for each delivery. */
  delivered?(event: { readonly message: WireMessage; readonly group: string; readonly redelivered: boolean }): void
  /** One attempt of one handler came to its end. */
  handled?(event: HandledEvent): void
  retried?(event: HandledEvent & { readonly afterMs: number; readonly error: Error }): void
  deadLettered?(letter: DeadLetter): void
  /** Put behind a dead event of its key, where order is kept. */
  parked?(letter: DeadLetter): void
  duplicate?(event: { readonly message: WireMessage; readonly group: string; readonly handler: string }): void
  /** Nobody of the group in this process wants it: acked and counted. */
  noSubscriber?(event: { readonly message: WireMessage; readonly group: string | undefined }): void
  /** A delivery was taken away while it was worked on, or its settlement came too late. */
  lost?(event: { readonly message: WireMessage; readonly group: string }): void
  broker?(event: BrokerEvent & { readonly broker: string }): void
}

export interface HandledEvent {
  readonly message: WireMessage
  readonly group: string
  readonly handler: string
  readonly attempt: number
  readonly durationMs: number
  /** Set when the attempt failed. */
  readonly error?: Error | undefined
}
