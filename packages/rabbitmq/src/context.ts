import type { Source } from '@interline/core'
import type { DelayedCount } from './delayed-count.js'
import type { Layout } from './layout.js'
import type { Link, Report } from './link.js'
import type { Names } from './names.js'
import type { ResolvedOptions } from './rabbitmq-options.js'
import type { Registry } from './registry.js'
import type { Sender } from './sender.js'
import type { Topology } from './topology.js'

/** What the parts of one broker share. */
export interface BrokerContext {
  readonly options: ResolvedOptions
  readonly names: Names
  readonly layout: Layout
  /** The connection that consumers have; publishing has one of its own, which the server may block. */
  readonly consuming: Link
  readonly topology: Topology
  /** Everything that is published goes through it, hops and notes too. */
  readonly sender: Sender
  readonly registry: Registry
  readonly delays: DelayedCount
  readonly report: Report
  readonly counts: Counts
}

export interface Counts {
  delivered: number
  acked: number
  retried: number
  deadLettered: number
}

export type GroupName = Pick<Source, 'destination' | 'group'>
