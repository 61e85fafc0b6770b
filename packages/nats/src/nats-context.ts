import type { BrokerEvent, IClock } from '@interline/core'
import type { JetStreamClient, JetStreamManager, StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { ResolvedOptions } from './nats-options.js'

/** What the parts of a connected broker share. */
export interface NatsContext {
  readonly nc: NatsConnection
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
  readonly options: ResolvedOptions
  readonly clock: IClock
  readonly report: (event: BrokerEvent) => void
  readonly counts: { published: number; delivered: number; acked: number; retried: number; deadLettered: number }
  readonly notesStream: string
  /** False from a lost connection to the next. */
  connected: boolean
  /** The destination's stream as it is now, made where it is missing. */
  stream(destination: string): Promise<StreamInfo>
}
