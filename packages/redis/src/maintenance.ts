import { toError } from '@interline/core'
import type { BrokerContext } from './context.js'
import { removeConsumers } from './groups.js'
import type { Partition } from './partition.js'
import { trimEveryMs, trimHistory } from './trim-history.js'
import { Repeat } from './waiting.js'

/** A consumer that asked for nothing for so long is gone. */
const goneMs = 600_000

/** Trims what every group has handled, looks for what was removed unread, and removes consumers that are gone. */
export class Maintenance {
  readonly #context: BrokerContext
  readonly #partitions: readonly Partition[]
  readonly #destination: string
  readonly #group: string
  readonly #lost = new Map<Partition, number>()
  readonly #repeat: Repeat

  constructor(context: BrokerContext, partitions: readonly Partition[], destination: string, group: string) {
    this.#context = context
    this.#partitions = partitions
    this.#destination = destination
    this.#group = group
    this.#repeat = new Repeat(
      async () => {
        await this.round()
        return trimEveryMs
      },
      (error) => {
        context.report({ kind: 'warning', detail: `Trimming "${destination}" failed; it is tried again.`, error: toError(error) })
        return trimEveryMs
      },
    )
  }

  start(): void {
    // Spread, because consumers of one group start together.
    this.#repeat.within(trimEveryMs * (0.5 + Math.random() / 2))
  }

  stop(): Promise<void> {
    return this.#repeat.stop()
  }

  async round(): Promise<void> {
    for (const partition of this.#partitions) {
      if (partition.phase !== 'away') this.#reportLoss(partition, await trimHistory(this.#context, partition.events.key, this.#group))
    }
    await removeConsumers(this.#context, this.#partitions, [this.#group, String(goneMs), ''])
  }

  #reportLoss(partition: Partition, lost: number): void {
    const count = lost - (this.#lost.get(partition) ?? 0)
    this.#lost.set(partition, lost)
    if (count <= 0) return
    this.#context.report({
      kind: 'loss',
      detail: `Stream ${partition.events.key} was trimmed from outside: ${count} events are gone that the group had not seen.`,
      destination: this.#destination,
      group: this.#group,
      count,
    })
  }
}
