import { toError } from '@interline/core'
import type { BrokerContext } from './context.js'
import type { Partition } from './partition.js'
import { pumpScript } from './scripts/index.js'
import { Repeat } from './waiting.js'

const batch = 100
/** Others may add what is due sooner than anything known here. */
const longestWaitMs = 500
/** What one stream refuses is tried with every round of the others. */
const warnEveryMs = 10_000

/** Moves retries and scheduled events into the streams when they are due. Every consumer does, for all partitions: the script decides. */
export class DuePump {
  readonly #repeat: Repeat

  constructor(context: BrokerContext, partitions: readonly Partition[]) {
    const { control, news } = context
    let warnAgainAt = 0
    const pump = async (part: readonly Partition[]): Promise<number> => {
      const [first] = part
      if (first === undefined) return -1
      const keys = part.flatMap((partition) => [partition.scheduled, partition.events.key, partition.delayed, partition.retries.key])
      // on a cluster each partition has a slot of its own
      const [channel, marks] = news === undefined ? ['', []] : [first.news, [first.waiting]]
      const route = control.at(first.events.key)
      const answer = await route.run((client) => pumpScript.run(client, [...keys, ...marks], [String(batch), channel]))
      const [, nextMs, failure] = answer as [number, number, string]
      if (failure !== '' && performance.now() >= warnAgainAt) {
        warnAgainAt = performance.now() + warnEveryMs
        context.report({ kind: 'warning', detail: 'A stream takes nothing of what is due; it is tried again.', error: new Error(failure) })
      }
      return nextMs
    }
    this.#repeat = new Repeat(
      async () => {
        const parts = news === undefined ? [partitions] : partitions.map((partition) => [partition])
        const waits = (await Promise.all(parts.map(pump))).filter((nextMs) => nextMs >= 0)
        return Math.min(longestWaitMs, ...waits)
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
