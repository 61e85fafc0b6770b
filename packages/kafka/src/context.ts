import type { BrokerEvent } from '@interline/core'
import type { Driver, KafkaClient, OutgoingRecord } from './drivers/driver.js'
import type { ResolvedOptions } from './kafka-options.js'
import type { Names } from './names.js'
import type { Topics } from './topics.js'

export type Report = (event: BrokerEvent) => void

/** What the parts of one broker share. */
export interface BrokerContext {
  readonly options: ResolvedOptions
  readonly names: Names
  readonly driver: Driver
  /** For everything that is neither published nor consumed. */
  readonly control: KafkaClient
  readonly topics: Topics
  readonly report: Report
  readonly counts: Counts
  /** Stores records of our own, such as retries and dead letters; tries until it is done or the signal is aborted. False: it was. */
  store(records: readonly OutgoingRecord[], signal: AbortSignal): Promise<boolean>
}

export interface Counts {
  delivered: number
  acked: number
  retried: number
  deadLettered: number
}
