/** Runs no more tasks at once than there is room for; the others wait in line. */
export class SagaPool {
  readonly #size: number
  readonly #waiting: (() => Promise<void>)[] = []
  readonly #running = new Set<Promise<void>>()

  constructor(size: number) {
    this.#size = size
  }

  get room(): number {
    return this.#size - this.#running.size - this.#waiting.length
  }

  get busy(): boolean {
    return this.#running.size > 0
  }

  /** The task must not reject. */
  add(task: () => Promise<void>): void {
    if (this.#running.size >= this.#size) {
      this.#waiting.push(task)
      return
    }
    const running = task().finally(() => {
      this.#running.delete(running)
      const next = this.#waiting.shift()
      if (next !== undefined) this.add(next)
    })
    this.#running.add(running)
  }

  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
