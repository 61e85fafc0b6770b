import { prepared, type Statement } from '../database/statement.js'
import type { StoreCheckpoints } from './store-checkpoints.js'
import type { StoreLink } from './store-link.js'

/** How much of the newest is to stay. */
export interface KeepPolicy {
  readonly maxEvents: number
  readonly maxAgeMs: number
  /** Whether what a reader with a checkpoint has not read stays. */
  readonly keepsUnread: boolean
}

/** What a policy comes to now, as statements take it. */
export interface Pass {
  /** The last position that is too many, else 0. */
  readonly counted: number
  /** Milliseconds after which events go; null where age does not matter. */
  readonly age: string | null
  /** The last position that every reader has passed. */
  readonly read: number
  /** The reader that is furthest behind. */
  readonly slowest: string | undefined
  /** Whether anything may have to go. */
  readonly asks: boolean
}

const answerMs = 60_000

export class PassBounds {
  readonly #link: StoreLink
  readonly #checkpoints: StoreCheckpoints
  readonly #beyond: Statement

  constructor(link: StoreLink, checkpoints: StoreCheckpoints) {
    this.#link = link
    this.#checkpoints = checkpoints
    this.#beyond = prepared(`SELECT position FROM ${link.names.events} ORDER BY position DESC OFFSET $1::bigint LIMIT 1`)
  }

  async of({ maxEvents, maxAgeMs, keepsUnread }: KeepPolicy): Promise<Pass> {
    const counted = Number.isFinite(maxEvents) ? await this.#positionBeyond(maxEvents) : 0
    const age = Number.isFinite(maxAgeMs) ? String(maxAgeMs) : null
    const slowest = keepsUnread ? await this.#checkpoints.slowest() : undefined
    const read = slowest === undefined ? Number.MAX_SAFE_INTEGER : Number(slowest.position) || 0
    // Without an age, what the count keeps is kept: a page without a limit of its own would remove nothing less.
    return { counted, age, read, slowest: slowest?.name, asks: counted > 0 || age !== null }
  }

  async #positionBeyond(kept: number): Promise<number> {
    const [row] = await this.#link.read('count events', (query) => query(this.#beyond, [String(kept)]), { answerMs })
    return Number(row?.[0] ?? 0)
  }
}
