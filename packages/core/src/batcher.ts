import { toError } from './errors.js'
import type { Awaitable } from './ports/abortable.js'

interface Waiting<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: Error) => void
}

/** Collects what is asked for in the same tick into one call that answers for each item, in order. */
export class Batcher<Item, Result> {
  readonly #run: (items: readonly Item[]) => Awaitable<readonly Result[]>
  #waiting: Waiting<Item, Result>[] = []

  constructor(run: (items: readonly Item[]) => Awaitable<readonly Result[]>) {
    this.#run = run
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      if (this.#waiting.length === 1) queueMicrotask(() => void this.#flush())
    })
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting
    this.#waiting = []
    try {
      const results = await this.#run(batch.map(({ item }) => item))
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result)
    } catch (thrown) {
      const error = toError(thrown)
      for (const { reject } of batch) reject(error)
    }
  }
}
