import type { Awaitable, IInbox } from '@interline/core'
import type { ProcessOptions } from '../contract/broker-options.js'
import type { TestStoreOptions } from '../stores/store-suite.js'

/** An inbox, and the handler's own database, as one process has them. */
export interface TestedInbox {
  readonly inbox: IInbox
  /** Writes an effect within the transaction of the inbox. */
  effect(transaction: unknown, n: number): Promise<void>
  /** All effects that are there. */
  effects(): Promise<readonly number[]>
  connect(): Awaitable<void>
  close(): Awaitable<void>
}

export interface TestInboxOptions extends Omit<TestStoreOptions<TestedInbox>, 'retaining' | 'server'> {
  /** How a child process makes the same: a module that exports `createInbox(namespace, ...args)`. Needed by O04. */
  readonly processes?: ProcessOptions | undefined
}
