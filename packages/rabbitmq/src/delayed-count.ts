import type { Names } from './names.js'
import type { Topology } from './topology.js'

/** How often to look whether somebody else has made a higher step. Asking for one that is not there is an error in the server's log. */
const lookIntervalMs = 30_000

/** Counts what waits for its time, of all groups together: the staircase of delays is shared. */
export class DelayedCount {
  readonly #topology: Topology
  readonly #names: Names
  #known = -1
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(topology: Topology, names: Names) {
    this.#topology = topology
    this.#names = names
  }

  /** This process sends something down from this step. */
  uses(level: number): void {
    this.#known = Math.max(this.#known, level)
  }

  async count(): Promise<number> {
    let delayed = 0
    for (let level = 0; level <= this.#known || this.#mayLook(); level++) {
      const counted = await this.#topology.count(this.#names.delay(level))
      if (counted === undefined) {
        if (level > this.#known) this.#lookedAt = performance.now()
        continue
      }
      this.uses(level)
      delayed += counted.ready
    }
    return delayed
  }

  #mayLook(): boolean {
    return performance.now() - this.#lookedAt > lookIntervalMs
  }
}
