import type { AnyEvent, Awaitable, IOutbox } from '@interline/core'
import type { ProcessOptions } from '../contract/broker-options.js'
import type { TestStoreOptions } from '../stores/store-suite.js'

/** An outbox, and the database of business data beside it, as one process has them. */
export interface TestedOutbox {
  readonly outbox: IOutbox
  /** A transaction of the user's own: committed where `work` resolves, else rolled back. */
  transaction(work: (transaction: TestedTransaction) => Promise<void>): Promise<void>
  /** The business rows that are there. */
  rows(): Promise<readonly string[]>
  state(): Promise<OutboxState>
  connect(): Awaitable<void>
  close(): Awaitable<void>
}

export interface TestedTransaction {
  add(events: readonly AnyEvent[]): Promise<void>
  /** Writes a business row. */
  write(row: string): Promise<void>
}

export interface OutboxState {
  /** What was not sent, dead events not counted. */
  readonly size: number
  /** Of these, what failed or waits behind what failed. */
  readonly held: number
  readonly dead: number
  readonly oldestAgeMs: number
  readonly lagMs: number
}

export interface TestOutboxOptions extends Omit<TestStoreOptions<TestedOutbox>, 'retaining' | 'server'> {
  /** How a child process makes the same outbox: a module that exports `createOutbox(namespace, ...args): IOutbox`. Needed by O02. */
  readonly processes?: ProcessOptions | undefined
}
