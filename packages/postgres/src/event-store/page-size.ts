const targetBytes = 4 * 1024 * 1024
const first = 100
const most = 1_000

/** How many events to ask for at once: many small ones, few large ones, so that a page stays at some megabytes. */
export class PageSize {
  #size = first

  get size(): number {
    return this.#size
  }

  /** Learns from a page that was read. */
  saw(events: number, bytes: number): void {
    if (events === 0) return
    const fitting = Math.floor(targetBytes / Math.max(1, bytes / events))
    this.#size = Math.max(1, Math.min(most, fitting, this.#size * 4))
  }
}
