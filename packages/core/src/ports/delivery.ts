import type { Awaitable } from './abortable.js'
import type { DeadLetter } from './dead-letter-store.js'
import type { WireMessage } from './message.js'

/**
 * A message in the hands of this process, for one group. Core settles it exactly once, by `ack`, `retry` or `deadLetter`;
 * each answers `false` when it came too late, because the message already belongs to somebody else; or it lets go of it by `release`.
 */
export interface Delivery {
  readonly message: WireMessage
  /** Names this entry of the broker, the same over redeliveries where the broker can tell. Two entries with one event id differ. */
  readonly ref: string
  /** What `note`, `retry` or a redrive stored with it; opaque to the adapter. `undefined` on a first delivery. */
  readonly progress: string | undefined
  /** True when it was handed out before and nobody knows how that ended (a crash, a lost lease): a run may already have begun. */
  readonly redelivered: boolean
  /**
   * Aborted when the lease, channel or partition is gone: stop, settle nothing. Adapters may share one signal among deliveries, and
   * where there is order by key they do: one signal for each ownership, as what core knows of a key is loaded anew with each.
   */
  readonly lost: AbortSignal
  /**
   * Aborted when ownership is about to end in good order (a rebalance, a partition too many): nothing of it is begun any more, and what
   * runs may finish and settle. Core lets go of the rest by `release`, so that the adapter knows when it may hand the ownership on.
   */
  readonly leaving?: AbortSignal | undefined
  /** Set when the adapter could not read the entry as a message at all; `message.data` then holds the raw bytes. */
  readonly undecodable?: Error | undefined
  /**
   * Handled by every handler of the group. May be coalesced with others; resolves when the broker has it or, where a broker confirms no
   * acknowledgement, when it is on its way: should it get lost, the message comes again.
   */
  ack(): Awaitable<boolean>
  /** Keeps the delivery and stores `progress` beside it, so that whoever gets it after a crash goes on from there. */
  note(progress: string): Awaitable<boolean>
  /** Gives it back, atomically where the broker can: it comes again, to any consumer of the group, never before `afterMs`. */
  retry(retry: Retry): Awaitable<boolean>
  /** Stores the dead letters in the broker's own place and settles it, atomically where the broker can. Never called where it has none. */
  deadLetter(letters: readonly DeadLetter[]): Awaitable<boolean>
  /**
   * No verdict and no run that is open: it may be handed on at once, and at the latest by `Consumer.close`, just as it came or, where
   * something was noted, with that progress; not as redelivered. What is neither settled nor released was interrupted.
   */
  release?(): void
}

export interface Retry {
  readonly afterMs: number
  readonly progress: string
  /** Handlers of the same delivery that are finished with it for good, to be stored with the same call. */
  readonly deadLetters: readonly DeadLetter[]
}

/**
 * Takes deliveries in, in the broker's order. Resolves when core has room for more, not when they are handled: an adapter fetches no
 * more for this consumer until then. One call at a time: the window is exceeded by no more than what one call brings.
 */
export type Receive = (deliveries: readonly Delivery[]) => Awaitable<void>
