import { toError } from '@interline/core'
import type { BrokerContext } from './context.js'
import type { Partition } from './partition.js'
import { pumpScript } from './scripts/index.js'
import { Repeat } from './waiting.js'

const batch = 100
/** Others may add what is due sooner than anything known here. */
const longestWaitMs = 500

/** Moves retries and scheduled events into the streams when they are due. Every consumer does, for all partitions: the script decides. */
export class DuePump {
  readonly #repeat: Repeat

  constructor(context: BrokerContext, partitions: readonly Partition[]) {
    const keys = partitions.flatMap((partition) => [partition.scheduled, partition.events.key, partition.delayed, partition.retries.key])
    this.#repeat = new Repeat(
      async () => {
        const answer = await context.control.run((client) => pumpScript.run(client, keys, [String(batch)]))
        const [, nextMs] = answer as [number, number]
        return nextMs < 0 ? longestWaitMs : Math.min(nextMs, longestWaitMs)
      },
      (error) => {
        context.report({ kind: 'warning', detail: 'What is due could not be moved; it is tried again.', error: toError(error) })
        return longestWaitMs
      },
    )
  }

  /** Something will be due in so many milliseconds. */
  within(delayMs: number): void {
    this.#repeat.within(delayMs)
  }

  stop(): Promise<void> {
    return this.#repeat.stop()
  }
}
