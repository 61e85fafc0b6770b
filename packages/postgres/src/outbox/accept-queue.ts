import { isLost } from '../database/failure.js'
import type { Entry } from './entry-writer.js'

interface Waiting {
  readonly entries: readonly Entry[]
  readonly keys: readonly string[]
  readonly signal: AbortSignal | undefined
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  /** What its signal calls while it waits. */
  readonly drop: () => void
}

/** The most entries that leave together, but for those of one call. */
const mostEntries = 1_000

/**
 * Order over calls: what is accepted for a key leaves when what was accepted for it before has its answer, and what gathers meanwhile leaves
 * together. Calls for other keys wait for nobody.
 */
export class AcceptQueue {
  /** All in one transaction. */
  readonly #write: (entries: readonly Entry[]) => Promise<void>
  #waiting: Waiting[] = []
  /** Keys of what is under way. */
  readonly #busy = new Set<string>()

  constructor(write: (entries: readonly Entry[]) => Promise<void>) {
    this.#write = write
  }

  add(entries: readonly Entry[], signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    const keys = entries.flatMap(({ destination, key }) => (key === null ? [] : [`${destination}\n${key}`]))
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { entries, keys, signal, resolve, reject, drop: () => this.#drop(waiting) }
      signal?.addEventListener('abort', waiting.drop)
      this.#waiting.push(waiting)
      this.#leave()
    })
  }

  /** One that was aborted while it waited is not written, and touches no other. */
  #drop(waiting: Waiting): void {
    const index = this.#waiting.indexOf(waiting)
    if (index === -1) return
    this.#waiting.splice(index, 1)
    waiting.signal?.removeEventListener('abort', waiting.drop)
    waiting.reject(waiting.signal?.reason)
    this.#leave()
  }

  #leave(): void {
    const batch = this.#next()
    if (batch.length === 0) return
    const keys = new Set(batch.flatMap((each) => each.keys))
    for (const key of keys) this.#busy.add(key)
    void this.#together(batch).then(() => {
      for (const key of keys) this.#busy.delete(key)
      this.#leave()
    })
  }

  /** What can leave now. None goes past an earlier one of its key that stays. */
  #next(): readonly Waiting[] {
    const batch: Waiting[] = []
    const stays: Waiting[] = []
    const kept = new Set<string>()
    let count = 0
    for (const waiting of this.#waiting) {
      const full = count > 0 && count + waiting.entries.length > mostEntries
      if (full || waiting.keys.some((key) => this.#busy.has(key) || kept.has(key))) {
        stays.push(waiting)
        for (const key of waiting.keys) kept.add(key)
      } else {
        batch.push(waiting)
        count += waiting.entries.length
        waiting.signal?.removeEventListener('abort', waiting.drop)
      }
    }
    this.#waiting = stays
    return batch
  }

  async #together(batch: readonly Waiting[]): Promise<void> {
    try {
      await this.#write(batch.flatMap(({ entries }) => entries))
      for (const { resolve } of batch) resolve()
    } catch (thrown) {
      // What the server has refused as a whole may be the fault of one.
      if (batch.length > 1 && !isLost(thrown)) for (const waiting of batch) await this.#together([waiting])
      else for (const { reject } of batch) reject(thrown)
    }
  }
}
