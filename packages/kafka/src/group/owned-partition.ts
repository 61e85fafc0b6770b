import { setMaxListeners } from 'node:events'
import type { KafkaDelivery } from '../kafka-delivery.js'
import type { PartitionLog } from './partition-log.js'

/** A partition of a destination and, of the same number, that of the group's retry topic: owned together, so that a key has one owner. */
export class OwnedPartition {
  readonly number: number
  /** By topic, once they are loaded. */
  logs: readonly PartitionLog[] = []
  readonly lost: AbortController = new AbortController()
  readonly leaving: AbortController = new AbortController()
  /** What core has of it. */
  readonly handed: Set<KafkaDelivery> = new Set()
  /** Its last commit is on the way: no other may follow. */
  closing = false
  /** Somebody else's now. */
  gone = false
  /** Why nothing is fetched from it. */
  blocked: string | undefined

  constructor(number: number) {
    this.number = number
    // as many as there are events in hand; Node would take them for a leak
    setMaxListeners(0, this.lost.signal, this.leaving.signal)
  }

  get inHand(): number {
    return this.logs.reduce((sum, log) => sum + log.inHand, 0)
  }

  get isReading(): boolean {
    return !this.gone && !this.leaving.signal.aborted
  }

  logOf(topic: string): PartitionLog | undefined {
    return this.logs.find((log) => log.topic === topic)
  }
}
