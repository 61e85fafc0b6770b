const targetBytes = 4 * 1024 * 1024

/** For adapters: how many events to ask a server for at once: many small ones, few large ones, so that a page stays at some megabytes. */
export class PageSize {
  readonly #most: number
  #size: number

  constructor(first: number = 50, most: number = 1_000) {
    this.#size = first
    this.#most = most
  }

  get size(): number {
    return this.#size
  }

  /** Learns from a page that was read. */
  saw(events: number, bytes: number): void {
    if (events === 0) return
    const fitting = Math.floor(targetBytes / Math.max(1, bytes / events))
    this.#size = Math.max(1, Math.min(this.#most, fitting, this.#size * 4))
  }
}
