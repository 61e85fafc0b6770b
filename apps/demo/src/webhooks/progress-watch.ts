import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { Ledger, LedgerProgress } from './ledger/ledger.js'

/** Looks at the ledger until something is reached. */
export class ProgressWatch {
  readonly #ledger: Ledger
  /** 0 looks again in the next turn of the event loop. */
  readonly #everyMs: number
  readonly #onLook: (progress: LedgerProgress) => void
  #latest: LedgerProgress = { handled: new Map(), retried: new Map(), duplicates: new Map() }

  constructor(ledger: Ledger, everyMs: number, onLook: (progress: LedgerProgress) => void) {
    this.#ledger = ledger
    this.#everyMs = everyMs
    this.#onLook = onLook
  }

  /** What was seen last. */
  get latest(): LedgerProgress {
    return this.#latest
  }

  /** `false` when nothing has moved for `patienceMs`: it will not be reached any more. */
  async until(reached: (progress: LedgerProgress) => boolean | Promise<boolean>, patienceMs: number): Promise<boolean> {
    let last = ''
    let movedAt = performance.now()
    for (;;) {
      const progress = await this.#ledger.progress()
      this.#latest = progress
      this.#onLook(progress)
      if (await reached(progress)) return true
      const now = performance.now()
      const seen = JSON.stringify(Object.values(progress).map((counts) => [...counts]))
      if (seen !== last) movedAt = now
      else if (now - movedAt > patienceMs) return false
      last = seen
      await (this.#everyMs === 0 ? turn() : wait(this.#everyMs))
    }
  }
}

/** Whether each count has come to what is owed. */
export function covers(
  counts: ReadonlyMap<string, number>,
  owed: ReadonlyMap<string, number>,
  except: ReadonlyMap<string, number> = new Map(),
): boolean {
  return [...owed].every(([name, number]) => (counts.get(name) ?? 0) >= number - (except.get(name) ?? 0))
}

export function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0)
}
