import type { BrokerCase } from '../contract/broker-case.js'
import type { FaultRoom } from './fault-room.js'

export interface FaultCase extends BrokerCase<FaultRoom> {
  /** Left to the full run: it takes long, and a case of the contract is its short form. */
  readonly onlyFull?: boolean | undefined
}

export function faults(...list: readonly FaultCase[]): readonly FaultCase[] {
  return list
}
