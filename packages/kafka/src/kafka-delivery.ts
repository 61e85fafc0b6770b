import type { Awaitable, DeadLetter, Delivery, Retry, WireMessage } from '@interline/core'
import type { IncomingRecord } from './drivers/driver.js'
import type { OwnedPartition } from './group/owned-partition.js'
import type { PartitionLog, Taken } from './group/partition-log.js'
import type { DecodedRecord } from './kafka-message.js'

/** Who settles deliveries for their consumer. */
export interface Settler {
  acknowledge(delivery: KafkaDelivery): Awaitable<boolean>
  note(delivery: KafkaDelivery, progress: string): Promise<boolean>
  retry(delivery: KafkaDelivery, retry: Retry): Promise<boolean>
  bury(delivery: KafkaDelivery, letters: readonly DeadLetter[]): Promise<boolean>
  release(delivery: KafkaDelivery): void
}

/** One record in the hands of this process. */
export class KafkaDelivery implements Delivery {
  readonly message: WireMessage
  readonly ref: string
  readonly progress: string | undefined
  readonly redelivered: boolean
  readonly undecodable: Error | undefined
  readonly lost: AbortSignal
  readonly leaving: AbortSignal
  readonly record: IncomingRecord
  readonly owned: OwnedPartition
  readonly log: PartitionLog
  /** Set on what another process was at when it gave up the partition. */
  readonly hold: string | undefined
  /** Settled, lost or given back: nothing more can be done with it here. */
  ended = false
  readonly #settler: Settler

  constructor(settler: Settler, owned: OwnedPartition, log: PartitionLog, record: IncomingRecord, decoded: DecodedRecord, taken: Taken) {
    this.#settler = settler
    this.message = decoded.message
    this.ref = decoded.ref ?? `${log.topic}:${log.partition}:${record.offset}`
    this.progress = taken.progress ?? decoded.progress
    this.hold = decoded.hold
    this.redelivered = taken.redelivered || decoded.hold !== undefined
    this.undecodable = decoded.undecodable
    this.lost = owned.lost.signal
    this.leaving = owned.leaving.signal
    this.record = record
    this.owned = owned
    this.log = log
  }

  ack(): Awaitable<boolean> {
    return this.#settler.acknowledge(this)
  }

  note(progress: string): Promise<boolean> {
    return this.#settler.note(this, progress)
  }

  retry(retry: Retry): Promise<boolean> {
    return this.#settler.retry(this, retry)
  }

  deadLetter(letters: readonly DeadLetter[]): Promise<boolean> {
    return this.#settler.bury(this, letters)
  }

  release(): void {
    this.#settler.release(this)
  }
}
