import type { Link, Report } from './connections.js'
import type { Destinations } from './destinations.js'
import type { KeySpace } from './key-space.js'
import type { ResolvedOptions } from './redis-options.js'
import type { SettlementCounts } from './settlement.js'

/** What the parts of one broker share. */
export interface BrokerContext {
  readonly options: ResolvedOptions
  readonly keys: KeySpace
  /** Commands that may be executed twice. */
  readonly control: Link
  readonly destinations: Destinations
  readonly report: Report
  readonly counts: SettlementCounts & { delivered: number }
}
