import type { TakenEntry } from './taken-entry.js'

/** One batch. */
interface Batch {
  /** How far it went in each partition. */
  readonly last: Map<number, number>
  /** A transaction that began after it was taken: those that may add below have lower numbers. */
  fence: number | undefined
  /** Transactions that run, and had added nothing after it was taken. */
  readonly harmless: Set<number>
}

/**
 * From where each partition is read. A transaction that commits late puts its entries among those that were taken before; were they left for
 * another pass, the next transaction of the same key would overtake. So a partition is read from where nothing can be added any more: every
 * transaction that may have had a number below has ended by the snapshot of a later take. What is in hand is left out by its number.
 */
export class ReadPositions {
  readonly #from = new Map<number, number>()
  readonly #hand = new Set<string>()
  #batches: Batch[] = []
  /** As the last take saw them. */
  #running: readonly number[] = []

  from(partition: number): number {
    return this.#from.get(partition) ?? 0
  }

  /** Ids of entries that were taken, and are still in the table. */
  get hand(): Iterable<string> {
    return this.#hand
  }

  /** A batch of these partitions, in this order, and what the server saw when it answered: `xmin:xmax:xip,…`. */
  took(partitions: readonly number[], entries: readonly TakenEntry[], snapshot: string): void {
    const final = entries.at(-1)
    if (final === undefined) return
    this.#advance(partitions, final, snapshot)
    const last = new Map<number, number>()
    for (const { partition, id } of entries) {
      last.set(partition, Number(id))
      this.#hand.add(id)
    }
    this.#batches.push({ last, fence: undefined, harmless: new Set() })
  }

  /** Called before a transaction puts these out of reach; what it answers is called with its number, once it has committed. */
  putting(entries: readonly TakenEntry[]): (transaction: number | undefined) => void {
    const taken = this.#batches.filter(({ fence }) => fence === undefined)
    return (transaction) => {
      for (const { id } of entries) this.#hand.delete(id)
      for (const batch of taken) batch.fence ??= transaction
    }
  }

  /** Transactions that have not ended, for which the oldest batch waits. */
  get heldUpBy(): readonly number[] {
    const [batch] = this.#batches
    return batch === undefined ? [] : this.#running.filter((transaction) => mayAddTo(batch, transaction))
  }

  /** Called before the server is asked which of these have added; what it answers is called with those that have not. */
  asking(): (harmless: readonly number[]) => void {
    const taken = [...this.#batches]
    return (harmless) => {
      for (const batch of taken) for (const transaction of harmless) batch.harmless.add(transaction)
    }
  }

  #advance(partitions: readonly number[], final: TakenEntry, snapshot: string): void {
    const [, next, running] = snapshot.split(':') as [string, string, string]
    this.#running = running === '' ? [] : running.split(',').map(Number)
    const end = partitions.indexOf(final.partition)
    // A batch may end anywhere in its last partition, and has nothing of those that follow.
    const reach = new Map(partitions.slice(0, end + 1).map((partition, index) => [partition, index === end ? Number(final.id) : Infinity]))
    for (const batch of this.#batches) {
      const { last, fence } = batch
      if (fence === undefined || fence >= Number(next) || this.#running.some((transaction) => mayAddTo(batch, transaction))) continue
      for (const [partition, id] of last) {
        const reached = reach.get(partition) ?? 0
        this.#from.set(partition, Math.max(this.from(partition), Math.min(id, reached)))
        if (reached >= id) last.delete(partition)
      }
    }
    this.#batches = this.#batches.filter(({ last }) => last.size > 0)
  }
}

function mayAddTo({ fence, harmless }: Batch, transaction: number): boolean {
  return (fence === undefined || transaction < fence) && !harmless.has(transaction)
}
