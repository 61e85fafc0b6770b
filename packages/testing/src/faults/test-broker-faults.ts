import { registerCases, scaleOf } from '../contract/test-broker.js'
import type { TestBrokerFaultsOptions } from './fault-options.js'
import { durationOf, FaultRoom } from './fault-room.js'
import { handlerFaults } from './handler-faults.js'
import { lineFaults } from './line-faults.js'
import { processFaults } from './process-faults.js'
import { serverFaults } from './server-faults.js'

const faultCases = [...lineFaults, ...serverFaults, ...processFaults, ...handlerFaults].sort(
  (left, right) => Number(left.id.slice(1)) - Number(right.id.slice(1)),
)

/** What a scenario of the full run takes beside its duration: the last strike, and the way back. */
const aroundMs = 180_000

/**
 * Registers the fault scenarios F1 to F10 for one configuration of a broker: what breaks under a load, and that nothing accepted is
 * lost (L), nothing unexpected comes (U), few come twice (D), each key keeps its order (O), every publish is answered (S), work goes on
 * soon (R), health tells the truth (H), and nothing stays open (N).
 */
export function testBrokerFaults(name: string, options: TestBrokerFaultsOptions): void {
  const { server: _ours, ...broker } = options
  const isShort = scaleOf(options) === 'short'
  const limits = isShort ? options.limits : { caseMs: durationOf(options) + aroundMs, ...options.limits }
  registerCases(
    name,
    { ...broker, limits },
    {
      suite: 'faults',
      cases: isShort ? faultCases.filter(({ onlyFull = false }) => !onlyFull) : faultCases,
      room: (_broker, ...settings) => new FaultRoom(options, ...settings),
    },
  )
}
