import type { News } from './cluster/news.js'
import type { Report } from './connections.js'
import type { Destinations } from './destinations.js'
import type { KeySpace } from './key-space.js'
import type { Links } from './links.js'
import type { ResolvedOptions } from './redis-options.js'
import type { SettlementCounts } from './settlement.js'

/** What the parts of one broker share. */
export interface BrokerContext {
  readonly options: ResolvedOptions
  readonly keys: KeySpace
  /** Commands that may be executed twice. */
  readonly control: Links
  /** On a cluster, where a read can't wait for several slots: tells that there is something new. */
  readonly news: News | undefined
  readonly destinations: Destinations
  readonly report: Report
  readonly counts: SettlementCounts & { delivered: number }
}
