import type { EntryTable } from './entry-table.js'
import { ReadPositions } from './read-positions.js'
import type { TakenEntry } from './taken-entry.js'

/** Reading from the beginning gets so small a share of the time. It goes past all that was sent since the oldest open transaction began. */
const fromBeginning = { share: 1 / 20, quickMs: 20 }
/** How often it looks whether a transaction that does not end is one that adds. */
const lookMs = 100

/** Reads what is ready, batch by batch, each entry once in a pass, and none past one that may still be committed before it. */
export class EntryReader {
  readonly #table: EntryTable
  readonly #batchSize: number
  #positions = new ReadPositions()
  /** Until when passes go on from where the one before has come to. */
  #keptUntil = 0
  #isFirst = false
  #lookAt = 0
  #last = 0

  constructor(table: EntryTable, batchSize: number) {
    this.#table = table
    this.#batchSize = batchSize
  }

  /** A pass begins: at the beginning, but where that took long and was not long ago. */
  begin(): void {
    const now = performance.now()
    this.#lookAt = now + lookMs
    this.#last = 0
    if (now < this.#keptUntil) return
    this.#positions = new ReadPositions()
    this.#isFirst = true
  }

  /** The next pass reads from the beginning: something that was passed by is ready again, or was left out. */
  forget(): void {
    this.#keptUntil = 0
  }

  /** The next batch of these partitions, which are in ascending order. */
  async take(owned: readonly number[]): Promise<readonly TakenEntry[]> {
    if (owned.length === 0) return []
    const began = performance.now()
    const positions = this.#positions
    // Those after the last one first, so that none waits for a busy one.
    const turn = owned.findIndex((partition) => partition > this.#last)
    const partitions = turn === -1 ? owned : [...owned.slice(turn), ...owned.slice(0, turn)]
    const after = partitions.map((partition) => positions.from(partition))
    const { entries, snapshot } = await this.#table.take(partitions, after, positions.hand, this.#batchSize)
    positions.took(partitions, entries, snapshot)
    this.#last = entries.at(-1)?.partition ?? this.#last
    const now = performance.now()
    if (this.#isFirst && now - began > fromBeginning.quickMs) this.#keptUntil = now + (now - began) / fromBeginning.share
    this.#isFirst = false
    if (now > this.#lookAt) {
      this.#lookAt = now + lookMs
      await this.#lookForAdders()
    }
    return entries
  }

  /** Called before a transaction puts these out of reach; what it answers is called with its number, once it has committed. */
  putting(entries: readonly TakenEntry[]): (transaction: number | undefined) => void {
    return this.#positions.putting(entries)
  }

  /** A transaction of somebody else that stays open must not keep what was read before being read again and again. */
  async #lookForAdders(): Promise<void> {
    const positions = this.#positions
    const transactions = positions.heldUpBy
    if (transactions.length === 0) return
    const answer = positions.asking()
    const adders = await this.#table.adders(transactions)
    answer(transactions.filter((transaction) => !adders.has(transaction)))
  }
}
