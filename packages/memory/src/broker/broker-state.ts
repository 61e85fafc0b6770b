import type { BrokerEvent, IClock } from '@interline/core'
import type { MemoryDeadLetterStore } from '../memory-dead-letter-store.js'
import type { MemoryBrokerSettings } from '../memory-options.js'
import type { DelayedQueue } from './delayed-queue.js'
import type { Dispatcher } from './dispatcher.js'

/** What all destinations and groups of one broker share. */
export interface BrokerState {
  /** Tells entries of this broker from those of another, or of another run: their names outlive it in stores. */
  readonly instance: string
  readonly settings: MemoryBrokerSettings
  readonly counters: Counters
  readonly deadLetters: MemoryDeadLetterStore
  readonly dispatcher: Dispatcher
  readonly delayed: DelayedQueue
  readonly report: (event: BrokerEvent) => void
  clock: IClock
}

export interface Counters {
  published: number
  delivered: number
  acked: number
  retried: number
  deadLettered: number
}
