import { toError } from '@interline/core'

export interface AppendQueueSettings<Item, Result> {
  /** How many calls may be under way; what comes meanwhile waits and goes together. */
  readonly flights: () => number
  /** One item, to the end. */
  readonly alone: (item: Item, signal: AbortSignal | undefined) => Promise<Result>
  /** Many in one call; an item without a result is then done alone. May order the list that it is given. */
  readonly together: (items: Item[]) => Promise<readonly { readonly item: Item; readonly result: Result | undefined }[]>
}

interface Waiting<Item, Result> {
  readonly item: Item
  readonly signal: AbortSignal | undefined
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

const maxItems = 200
const maxSize = 1024 * 1024

/**
 * Group append: what arrives while calls are under way goes to the server in one round trip and one commit, each with its own verdict.
 * Nobody waits for company: an append that finds a free flight leaves at once. One that can't be decided among others, because a lock is
 * held or the whole call was undone, goes once more on its own and holds nobody up.
 */
export class AppendQueue<Item extends { readonly size: number }, Result> {
  readonly #settings: AppendQueueSettings<Item, Result>
  #waiting: Waiting<Item, Result>[] = []
  #flying = 0

  constructor(settings: AppendQueueSettings<Item, Result>) {
    this.#settings = settings
  }

  add(item: Item, signal: AbortSignal | undefined): Promise<Result> {
    signal?.throwIfAborted()
    return new Promise((resolve, reject) => {
      const waiting: Waiting<Item, Result> = { item, signal, resolve, reject }
      if (signal !== undefined) signal.addEventListener('abort', () => this.#drop(waiting), { once: true })
      this.#waiting.push(waiting)
      this.#fly()
    })
  }

  /** One that was aborted while it waited is not sent, and touches no other. */
  #drop(waiting: Waiting<Item, Result>): void {
    const index = this.#waiting.indexOf(waiting)
    if (index === -1) return
    this.#waiting.splice(index, 1)
    waiting.reject(waiting.signal?.reason)
  }

  #fly(): void {
    while (this.#waiting.length > 0 && this.#flying < this.#settings.flights()) {
      const batch = this.#next()
      this.#flying++
      const flight = batch.length === 1 ? this.#alone(batch[0] as Waiting<Item, Result>) : this.#together(batch)
      void flight.finally(() => {
        this.#flying--
        this.#fly()
      })
    }
  }

  #next(): readonly Waiting<Item, Result>[] {
    let size = 0
    let count = 0
    while (count < this.#waiting.length && count < maxItems) {
      size += this.#waiting[count]?.item.size ?? 0
      if (count > 0 && size > maxSize) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #alone({ item, signal, resolve, reject }: Waiting<Item, Result>): Promise<void> {
    try {
      resolve(await this.#settings.alone(item, signal))
    } catch (thrown) {
      reject(thrown === signal?.reason ? thrown : toError(thrown))
    }
  }

  async #together(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    const byItem = new Map(batch.map((waiting) => [waiting.item, waiting]))
    try {
      for (const { item, result } of await this.#settings.together([...byItem.keys()])) {
        if (result === undefined) continue
        byItem.get(item)?.resolve(result)
        byItem.delete(item)
      }
    } catch {
      // Whatever it was, each gets an answer of its own below: the same error, or a verdict.
    }
    for (const waiting of byItem.values()) void this.#alone(waiting)
  }
}
