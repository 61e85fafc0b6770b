import type { Abortable, Awaitable } from './abortable.js'
import type { WireMessage } from './message.js'

/** An event that one handler of one group gave up on, with its untouched original. */
export interface DeadLetter {
  /** Names this dead letter; the same failure stored twice has the same id. */
  readonly id: string
  readonly group: string
  /** The handler's name. */
  readonly handler: string
  readonly destination: string
  readonly topic: string
  readonly eventType: string
  readonly eventId: string
  readonly correlationId: string | undefined
  readonly reason: DeadLetterReason
  readonly error: { readonly name: string; readonly message: string; readonly stack?: string | undefined }
  /** How many times the handler was run, or its process died. */
  readonly attempts: number
  /** Milliseconds since 1970. */
  readonly firstAttemptAt: number
  readonly deadAt: number
  /** What follows it with the same key waits behind it, as dead letters of the reason `parked`. */
  readonly keepsOrder?: true | undefined
  /** When its next attempt is due, where it is not dead but waits for one in a place for parked keys. */
  readonly dueAt?: number | undefined
  /** Where in the broker it was to go, where its handler named a place. */
  readonly address?: DeadLetterAddress | undefined
  readonly message: WireMessage
}

/** A place of the broker's: an exchange, and the key it routes by; the topic where that is not said. */
export interface DeadLetterAddress {
  readonly exchange: string
  readonly routingKey?: string | undefined
}

/** `exhausted` attempts; `rejected` by the handler; `invalid` by its schema; `undecodable` bytes; `crashed` its process too often; `orphaned`: nobody has its handler's name; `parked` behind another one of its key, `waiting` for its next attempt: neither is dead. */
export type DeadLetterReason = 'exhausted' | 'rejected' | 'invalid' | 'undecodable' | 'crashed' | 'orphaned' | 'parked' | 'waiting'

export interface DeadLetterFilter {
  readonly ids?: readonly string[] | undefined
  readonly group?: string | undefined
  readonly handler?: string | undefined
  readonly topic?: string | undefined
  /** What order is kept by. */
  readonly key?: string | undefined
  readonly eventType?: string | undefined
  readonly correlationId?: string | undefined
  readonly reason?: DeadLetterReason | undefined
  /** Dead at or after, and before. */
  readonly since?: Date | undefined
  readonly until?: Date | undefined
}

export interface DeadLetterPage extends Abortable {
  /** How many at most; 100 where it is not said. */
  readonly limit?: number | undefined
  /** The last page's `next`. */
  readonly after?: string | undefined
}

export interface DeadLetterList {
  readonly letters: readonly DeadLetter[]
  /** Set where more may follow. */
  readonly next: string | undefined
}

/** Where dead letters are kept until somebody redrives or discards them. */
export interface IDeadLetterStore {
  /** Stores them; one whose id is already there is replaced, and is where it was where it is as old. */
  add(letters: readonly DeadLetter[], options?: Abortable): Awaitable<void>
  /** Oldest first. */
  list(filter?: DeadLetterFilter, page?: DeadLetterPage): Awaitable<DeadLetterList>
  count(filter?: DeadLetterFilter, options?: Abortable): Awaitable<number>
  /** Removes them; answers how many were there. */
  remove(ids: readonly string[], options?: Abortable): Awaitable<number>
}
