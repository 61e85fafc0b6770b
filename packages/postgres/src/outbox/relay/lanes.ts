import type { FailedEntry } from './entry-table.js'
import type { TakenEntry } from './taken-entry.js'

/** A failed entry, and when it is tried again by this process's clock. */
interface Waiting extends FailedEntry {
  readonly dueAt: number
  /** Since when. */
  readonly since: number
}

/** What waits behind a failed entry: the same key, or everything for a destination that is refused. */
export class Lanes {
  readonly #failed = new Map<string, Waiting>()
  /** When a destination took something last, while anything failed. */
  readonly #took = new Map<string, number>()

  get size(): number {
    return this.#failed.size
  }

  add(failed: FailedEntry): void {
    const since = performance.now()
    this.#failed.set(nameOf(failed), { ...failed, dueAt: since + failed.waitMs, since })
  }

  remove(failed: FailedEntry): void {
    this.#failed.delete(nameOf(failed))
  }

  took(destination: string): void {
    if (this.#failed.size > 0) this.#took.set(destination, performance.now())
  }

  /** Whether its destination took something since it began to wait. */
  tookSince(failed: FailedEntry): boolean {
    const since = this.#failed.get(nameOf(failed))?.since
    const took = this.#took.get(failed.destination)
    return since !== undefined && took !== undefined && took > since
  }

  /** Whether an entry waits, and whether that is for its destination as a whole. */
  before({ partition, destination, key }: TakenEntry): 'whole' | 'key' | undefined {
    if (this.#failed.size === 0) return undefined
    if (this.#failed.has(wholeName(partition, destination))) return 'whole'
    return key !== undefined && this.#failed.has(keyName(partition, destination, key)) ? 'key' : undefined
  }

  /** Those that are to be tried now. A key of a refused destination waits for that. */
  due(): readonly FailedEntry[] {
    const now = performance.now()
    return [...this.#failed.values()].filter(
      ({ dueAt, whole, partition, destination }) => dueAt <= now && (whole || !this.#failed.has(wholeName(partition, destination))),
    )
  }

  /** How long until the next one is. */
  get nextInMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { dueAt } of this.#failed.values()) next = Math.min(next, dueAt)
    return Math.max(0, next - performance.now())
  }

  /** Destinations that are refused as a whole. */
  get refused(): readonly string[] {
    return [...new Set([...this.#failed.values()].filter(({ whole }) => whole).map(({ destination }) => destination))]
  }

  keep(partitions: ReadonlySet<number>): void {
    for (const [name, { partition }] of this.#failed) if (!partitions.has(partition)) this.#failed.delete(name)
  }

  clear(): void {
    this.#failed.clear()
    this.#took.clear()
  }
}

function nameOf({ partition, destination, key, whole, id }: FailedEntry): string {
  if (whole) return wholeName(partition, destination)
  // Nothing waits behind an event without a key.
  return key === undefined ? `#${id}` : keyName(partition, destination, key)
}

function wholeName(partition: number, destination: string): string {
  return `${partition}\n${destination}`
}

function keyName(partition: number, destination: string, key: string): string {
  return `${partition}\n${destination}\n${key}`
}
