import { Bell, toError } from '@interline/core'
import type { BrokerContext } from '../context.js'
import type { News } from './news.js'

/** How soon a reader looks again without news: for what foreign writers added, who tell nobody. */
const lookEveryMs = 500
/** The mark of a waiting reader outlives its wait. */
export const markMs = 5_000

/** Waits for entries of partitions that are in different slots: looks into each of them, then waits for news. */
export class SlotReader {
  readonly #context: BrokerContext
  readonly #news: News
  readonly #channels: readonly string[]
  readonly #bell = new Bell()
  #woken = false
  #listening: Promise<() => Promise<void>> | undefined
  /** Grows when what a read had brought may be pending and unseen. */
  generation = 0

  constructor(context: BrokerContext, news: News, channels: readonly string[]) {
    this.#context = context
    this.#news = news
    this.#channels = channels
  }

  /** Listens, so that no news is missed between looking and waiting. */
  async prepare(): Promise<void> {
    this.#listening ??= this.#news.listen(this.#channels, () => this.#bell.ring())
    try {
      await this.#listening
    } catch (error) {
      this.#listening = undefined
      throw error
    }
  }

  /** Looks by `looks`, each at its slot, again and again, until something was found or `blockMs` have passed. After `prepare`. */
  async read<T>(looks: readonly (() => Promise<readonly T[]>)[], blockMs: number): Promise<T[]> {
    if (this.#woken) {
      this.#woken = false
      return []
    }
    const until = performance.now() + blockMs
    for (;;) {
      const results = await Promise.allSettled(looks.map((look) => look()))
      const found = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
      const failed = results.find((result) => result.status === 'rejected')
      if (failed !== undefined) {
        this.generation++
        // what other nodes gave is not held back by one that fails
        if (found.length === 0) throw toError(failed.reason)
      }
      const left = until - performance.now()
      if (found.length > 0 || this.#woken || left <= 0) {
        this.#woken = false
        return found
      }
      await this.#bell.wait(Math.min(lookEveryMs, left))
    }
  }

  wake(): void {
    this.#woken = true
    this.#bell.ring()
  }

  close(): void {
    this.#listening
      ?.then((end) => end())
      .catch((error: unknown) => {
        this.#context.report({ kind: 'warning', detail: 'A reader could not stop listening for news.', error: toError(error) })
      })
  }
}
