import type { Abortable } from './abortable.js'
import type { BrokerEvent } from './broker.js'
import type { IClock } from './clock.js'
import type { DeadLetter, DeadLetterReason } from './dead-letter-store.js'
import type { HealthReport } from './health.js'
import type { WireMessage } from './message.js'

/**
 * What the bus tells whoever watches it. Every hook is optional; one that is not set costs nothing. A hook must not throw, and what it
 * throws is reported as a warning and harms nobody.
 */
export interface Instrumentation {
  /** A bus is open, and from now on can be asked how it is. */
  started?(bus: WatchedBus): void
  /** It begins to close: nothing is to be asked of it any more. */
  closing?(bus: WatchedBus): void
  /** Events are about to be published, appended to the store or forwarded from there; validated, and not encoded yet. */
  sending?(event: SendingEvent): Watch<SendingOutcome> | undefined
  /** A handler is about to run. */
  handling?(event: HandlingEvent): Watch<HandlingOutcome> | undefined
  /** Runs what talks to a server, now; for what keeps its driver from being watched a second time. Answers what `run` answers. */
  quietly?<T>(run: () => T): T
  /** Accepted by a broker. */
  published?(event: PublishedEvent): void
  publishFailed?(event: PublishedEvent & { readonly error: Error }): void
  /** Handed to this process, once for each delivery. */
  delivered?(event: DeliveredEvent & { readonly redelivered: boolean }): void
  /** One attempt of one handler came to its end. */
  handled?(event: HandledEvent): void
  retried?(event: HandledEvent & { readonly afterMs: number; readonly error: Error }): void
  /** The broker was told what became of a delivery, or could not be. */
  settled?(event: SettledEvent): void
  deadLettered?(letter: DeadLetter): void
  /** Put away with its key: behind a dead event where order is kept, or because the key waits long for its next attempt. */
  parked?(letter: DeadLetter): void
  duplicate?(event: DeliveredEvent & { readonly handler: string }): void
  /** Nobody of the group in this process wants it: acked and counted. Without a group: nobody at all, on a broker in this process. */
  noSubscriber?(event: Omit<DeliveredEvent, 'group'> & { readonly group: string | undefined }): void
  /** A delivery was taken away while it was worked on, or its settlement came too late. */
  lost?(event: DeliveredEvent): void
  broker?(event: BrokerEvent & { readonly broker: string }): void
}

/** One piece of work, from its begin to its end. */
export interface Watch<Outcome> {
  /** What is published as part of it carries this; an event that has a trace already keeps its own. */
  readonly trace?: Trace | undefined
  /** Runs the work, now and once, for what goes with its asynchronous context. Answers what `run` answers. */
  enter?<T>(run: () => T): T
  ended(outcome: Outcome): void
}

/** W3C Trace Context of one place on the way of an event. */
export interface Trace {
  readonly traceparent: string
  readonly tracestate?: string | undefined
}

export interface SendingEvent {
  /** `publish`: to the broker. `append`: to the store or outbox. `forward`: from there to the broker. */
  readonly way: 'publish' | 'append' | 'forward'
  /** The broker's name, also of the one that will carry what is appended. */
  readonly broker: string
  readonly events: readonly OutgoingEvent[]
  /** Of each of the events. */
  readonly destinations: readonly string[]
  /** Where it is published by a handler: the trace of that run, or of the event that is handled. */
  readonly cause: Trace | undefined
}

export interface OutgoingEvent {
  readonly type: string
  readonly topic: string
  readonly key: string | undefined
  readonly metadata: EventIdentity
}

/** The part of an event's metadata that tells it from others, and what it belongs to. */
export interface EventIdentity {
  readonly eventId: string
  readonly correlationId: string
  readonly source: string
  readonly timestamp: Date
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
}

export interface SendingOutcome {
  readonly error?: Error | undefined
}

export interface PublishedEvent {
  readonly broker: string
  readonly messages: readonly WireMessage[]
  readonly durationMs: number
}

export interface DeliveredEvent {
  readonly broker: string
  readonly message: WireMessage
  readonly group: string
  /** Its group is this process alone. */
  readonly broadcast: boolean
}

export interface HandlingEvent extends DeliveredEvent {
  readonly handler: string
  /** 1 on the first run. */
  readonly attempt: number
  readonly type: string
  readonly topic: string
  readonly metadata: EventIdentity
}

/** `interrupted`: the bus closed or the delivery was taken away, and somebody else will run it. */
export type HandlingOutcome =
  | { readonly kind: 'handled' | 'interrupted' }
  | { readonly kind: 'retry'; readonly error: Error; readonly afterMs: number }
  | { readonly kind: 'dead'; readonly error: Error; readonly reason: DeadLetterReason }

export interface HandledEvent extends DeliveredEvent {
  readonly handler: string
  readonly attempt: number
  readonly type: string
  readonly metadata: EventIdentity
  readonly durationMs: number
  /** Set when the attempt failed. */
  readonly error?: Error | undefined
}

export interface SettledEvent extends DeliveredEvent {
  readonly operation: 'ack' | 'retry' | 'dead-letter'
  /** False: it came too late, or the broker was away; the message comes again. */
  readonly inTime: boolean
  readonly durationMs: number
}

/** What can be asked of a bus by who watches it. Each question asks the servers. */
export interface WatchedBus {
  readonly service: string
  readonly clock: IClock
  gauges(options?: Abortable): Promise<readonly Gauge[]>
  health(options?: Abortable): Promise<HealthReport>
}

/** Something that goes up and down. What can't be told at present is left out. */
export interface Gauge {
  /**
   * `connected`: 1 or 0. `lag`: messages that a group has not handled. `delayed`: of these, what waits for its time. `unsettled`: in the
   * hands of this process. `dead-letters`. `stored`: events in the store, or about how many. `unforwarded`: in the store or outbox and not on the
   * broker yet, as far as was counted; `unforwarded-age`: how long the oldest of them waits, in milliseconds.
   */
  readonly kind: 'connected' | 'lag' | 'delayed' | 'unsettled' | 'dead-letters' | 'stored' | 'unforwarded' | 'unforwarded-age'
  /** The broker's, store's or outbox's name. */
  readonly component: string
  readonly destination?: string | undefined
  readonly group?: string | undefined
  readonly value: number
}
