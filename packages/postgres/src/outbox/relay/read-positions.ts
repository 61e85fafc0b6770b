import type { TakenEntry } from './taken-entry.js'

/** Up to where everything that could be seen was taken, for each partition. */
type Reach = Map<number, number>

/** A reach that is proved as soon as every transaction has ended that may add below it. */
interface Claim {
  readonly reach: Reach
  /** A transaction that began after it was taken: those that may add below have lower numbers. */
  fence: number | undefined
  /** Transactions that run, and had added nothing after it was taken. */
  readonly harmless: Set<number>
}

/**
 * From where each partition is read. A transaction that commits late puts its entries among those that were taken before; were they left for
 * another pass, the next transaction of the same key would overtake. So a partition is read from where nothing can be added any more: every
 * transaction that may have had a number below has ended by the snapshot of a later take, and that one has looked there. What is in hand is
 * left out by its number.
 */
export class ReadPositions {
  readonly #from: Reach = new Map()
  readonly #hand = new Set<string>()
  /** The newest number that was seen, in any partition. */
  #newest = 0
  /** Of the takes since the claim was made. */
  #open: Reach = new Map()
  #claim: Claim | undefined
  readonly #proved: Reach = new Map()
  /** As the last take saw them. */
  #running: readonly number[] = []

  from(partition: number): number {
    return this.#from.get(partition) ?? 0
  }

  /** Ids of entries that were taken, and are still in the table. */
  get hand(): Iterable<string> {
    return this.#hand
  }

  /** A batch of these partitions, in this order, and what the server saw when it answered: `xmin:xmax:xip,…`, where it answered something. */
  took(partitions: readonly number[], entries: readonly TakenEntry[], snapshot: string): void {
    if (entries.length > 0) this.#prove(snapshot)
    for (const { id } of entries) {
      this.#hand.add(id)
      this.#newest = Math.max(this.#newest, Number(id))
    }
    const final = entries.at(-1)
    for (const partition of partitions) {
      // A batch may end anywhere in its last partition, and has nothing of those that follow.
      const reached = partition === final?.partition ? Number(final.id) : this.#newest
      this.#from.set(partition, Math.max(this.from(partition), Math.min(reached, this.#proved.get(partition) ?? 0)))
      raise(this.#open, partition, reached)
      if (partition === final?.partition) break
    }
    this.#claim ??= this.#newClaim()
  }

  /** Called before a transaction puts these out of reach; what it answers is called with its number, once it has committed. */
  putting(entries: readonly TakenEntry[]): (transaction: number | undefined) => void {
    const claim = this.#claim
    return (transaction) => {
      for (const { id } of entries) this.#hand.delete(id)
      if (claim !== undefined) claim.fence ??= transaction
    }
  }

  /** Transactions that have not ended, for which the claim waits. */
  get heldUpBy(): readonly number[] {
    const claim = this.#claim
    return claim === undefined ? [] : this.#running.filter((transaction) => mayAddTo(claim, transaction))
  }

  /** Called before the server is asked which of these have added; what it answers is called with those that have not. */
  asking(): (harmless: readonly number[]) => void {
    const claim = this.#claim
    return (harmless) => {
      for (const transaction of harmless) claim?.harmless.add(transaction)
    }
  }

  #prove(snapshot: string): void {
    const [, next, running] = snapshot.split(':') as [string, string, string]
    this.#running = running === '' ? [] : running.split(',').map(Number)
    const claim = this.#claim
    if (claim?.fence === undefined || claim.fence >= Number(next)) return
    if (this.#running.some((transaction) => mayAddTo(claim, transaction))) return
    for (const [partition, reached] of claim.reach) raise(this.#proved, partition, reached)
    this.#claim = this.#newClaim()
  }

  #newClaim(): Claim {
    const reach = this.#open
    this.#open = new Map()
    return { reach, fence: undefined, harmless: new Set() }
  }
}

function mayAddTo({ fence, harmless }: Claim, transaction: number): boolean {
  return (fence === undefined || transaction < fence) && !harmless.has(transaction)
}

function raise(reach: Reach, partition: number, reached: number): void {
  reach.set(partition, Math.max(reach.get(partition) ?? 0, reached))
}
