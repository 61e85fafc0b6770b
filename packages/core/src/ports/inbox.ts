import type { Abortable, Awaitable } from './abortable.js'

/**
 * What was handled, kept in the database of the handler's own effects, so that both are committed together: whatever is delivered again,
 * and wherever a process dies, the effects are there once.
 */
export interface IInbox<Transaction = unknown> {
  /**
   * Runs the work in a transaction that also remembers the entry, and resolves after the commit. `duplicate`: it was handled before, and
   * the work was not run. What the work rejects with rolls both back. While another transaction is at the same entry it waits, without
   * holding a connection.
   */
  handleOnce(entry: InboxEntry, work: (transaction: Transaction) => Awaitable<unknown>, options?: Abortable): Promise<InboxOutcome>
}

export interface InboxEntry {
  /** Whose memory it is: each consumer handles an event for itself. */
  readonly consumer: string
  /** What the event is recognised by; any of them that is known makes it a duplicate. */
  readonly keys: readonly string[]
}

export type InboxOutcome = 'handled' | 'duplicate'
