import type { HealthReport } from 'interline'
import type { Bookkeeping } from './bookkeeping.js'
import type { Books } from './books.js'
import type { ConsumerReport, Consumers } from './consumers.js'
import type { Member } from './members/member.js'
import type { OutboxWorker } from './outbox-worker.js'
import type { WalletHub } from './wallet-hub.js'

/** The system as it runs here. */
export interface Company {
  readonly hub: WalletHub
  readonly worker: Member<OutboxWorker>
  readonly consumers: Member<Consumers>
}

/** What one side says of itself at one time. */
export interface Look {
  readonly alerts: readonly string[]
  readonly hub: HealthReport
  readonly consumers: HealthReport
}

export interface Outcome {
  readonly expected: Bookkeeping
  readonly books: Books
  readonly report: ConsumerReport
  readonly hubTraceIds: readonly string[]
  readonly deadLetters: { readonly before: number; readonly after: number }
  readonly during: Look
  readonly after: Look
  readonly published: number
}
