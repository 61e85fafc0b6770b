import { type IClock, type IEventStore, systemClock } from '@interline/core'
import { checkProjectionOptions, type ProjectionOptions, projectionDefaults } from './projection-options.js'

/** Options with everything checked and decided, and the names that follow from them. */
export class ResolvedProjection {
  readonly name: string
  readonly store: IEventStore
  readonly clock: IClock
  readonly transactional: boolean
  readonly batchSize: number
  readonly pollMs: number
  readonly leaseMs: number
  readonly keepReplacedMs: number

  constructor(options: ProjectionOptions) {
    checkProjectionOptions(options)
    this.name = options.name
    this.store = options.store
    this.clock = options.clock ?? systemClock
    this.transactional = options.transactional ?? options.store.checkpoints.transaction !== undefined
    this.batchSize = options.batchSize ?? projectionDefaults.batchSize
    this.pollMs = options.pollMs ?? projectionDefaults.pollMs
    this.keepReplacedMs = options.keepReplacedMs ?? projectionDefaults.keepReplacedMs
    this.leaseMs = options.leaseMs ?? projectionDefaults.leaseMs
  }

  checkpointOf(generation: number): string {
    return `projection:${this.name}:${generation}`
  }

  targetOf(generation: number): string {
    return `${this.name.replaceAll('-', '_')}_${generation}`
  }
}
