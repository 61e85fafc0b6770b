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
  /** What its signal calls while it waits. */
  readonly drop: () => void
}

const maxItems = 200
const maxSize = 1024 * 1024
/** A call that takes longer no longer counts as under way; the pool has the last word. */
const slowMs = 100

/**
 * Group append: what arrives while calls are under way goes to the server in one round trip and one commit, each with its own verdict.
 * Nobody waits for company: an append that finds a free flight leaves at once. One that can't be decided among others, because a lock is
 * held or the whole call was undone, goes once more on its own and holds nobody else up. What this process appends to one stream is
 * decided in the order in which it was asked for: the next one leaves when the one before it has its verdict.
 */
export class AppendQueue<Item extends { readonly stream: string; readonly size: number }, Result> {
  readonly #settings: AppendQueueSettings<Item, Result>
  #waiting: Waiting<Item, Result>[] = []
  /** The calls under way. */
  readonly #flights = new Set<{ readonly since: number }>()
  #timer: ReturnType<typeof setTimeout> | undefined
  /** How many appends to a stream are under way. */
  readonly #busy = new Map<string, number>()

  constructor(settings: AppendQueueSettings<Item, Result>) {
    this.#settings = settings
  }

  add(item: Item, signal: AbortSignal | undefined): Promise<Result> {
    signal?.throwIfAborted()
    return new Promise((resolve, reject) => {
      const waiting: Waiting<Item, Result> = { item, signal, resolve, reject, drop: () => this.#drop(waiting) }
      signal?.addEventListener('abort', waiting.drop)
      this.#waiting.push(waiting)
      this.#fly()
    })
  }

  /** One that was aborted while it waited is not sent, and touches no other. */
  #drop(waiting: Waiting<Item, Result>): void {
    const index = this.#waiting.indexOf(waiting)
    if (index === -1) return
    this.#waiting.splice(index, 1)
    waiting.signal?.removeEventListener('abort', waiting.drop)
    waiting.reject(waiting.signal?.reason)
  }

  #fly(): void {
    while (this.#waiting.length > 0 && this.#free()) {
      const batch = this.#next()
      if (batch.length === 0) return
      const flight = { since: performance.now() }
      this.#flights.add(flight)
      void this.#together(batch).then(() => {
        this.#flights.delete(flight)
        this.#fly()
      })
    }
    if (this.#waiting.length > 0) this.#lookLater()
  }

  /** Whether one more may leave. A flight that waits for a lock of somebody else is no reason for the others to wait. */
  #free(): boolean {
    const slow = performance.now() - slowMs
    let count = 0
    for (const { since } of this.#flights) if (since > slow) count++
    return count < this.#settings.flights()
  }

  #lookLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#fly()
    }, slowMs)
  }

  /** What can leave now, in order. What goes together may go to one stream: it has an order there. */
  #next(): readonly Waiting<Item, Result>[] {
    const batch: Waiting<Item, Result>[] = []
    const stays: Waiting<Item, Result>[] = []
    let size = 0
    for (const waiting of this.#waiting) {
      const full = batch.length === maxItems || (batch.length > 0 && size + waiting.item.size > maxSize)
      if (full || this.#busy.has(waiting.item.stream)) {
        stays.push(waiting)
        if (full) size = Number.POSITIVE_INFINITY
      } else {
        batch.push(waiting)
        size += waiting.item.size
      }
    }
    this.#waiting = stays
    for (const { item, signal, drop } of batch) {
      signal?.removeEventListener('abort', drop)
      this.#busy.set(item.stream, (this.#busy.get(item.stream) ?? 0) + 1)
    }
    return batch
  }

  async #together(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    const byItem = new Map(batch.map((waiting) => [waiting.item, waiting]))
    if (batch.length > 1) {
      try {
        for (const { item, result } of await this.#settings.together([...byItem.keys()])) {
          const waiting = byItem.get(item)
          if (result === undefined || waiting === undefined) continue
          byItem.delete(item)
          this.#left(waiting)
          waiting.resolve(result)
        }
      } catch {
        // Whatever it was, each gets an answer of its own below: the same error, or a verdict.
      }
    }
    const chains = new Map<string, Promise<void>>()
    for (const waiting of byItem.values()) {
      const { stream } = waiting.item
      const before = chains.get(stream)
      chains.set(stream, before === undefined ? this.#alone(waiting) : before.then(() => this.#alone(waiting)))
    }
    // A single one is the flight itself; those that were left over by many may wait for a lock, and the next flight need not.
    if (batch.length === 1) await Promise.all(chains.values())
  }

  async #alone(waiting: Waiting<Item, Result>): Promise<void> {
    const { item, signal, resolve, reject } = waiting
    try {
      signal?.throwIfAborted()
      const result = await this.#settings.alone(item, signal)
      this.#left(waiting)
      resolve(result)
    } catch (thrown) {
      this.#left(waiting)
      reject(thrown)
    }
    this.#fly()
  }

  #left({ item: { stream } }: Waiting<Item, Result>): void {
    const count = (this.#busy.get(stream) ?? 1) - 1
    if (count === 0) this.#busy.delete(stream)
    else this.#busy.set(stream, count)
  }
}
