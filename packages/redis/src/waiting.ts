/** A point in time that jumps of the wall clock don't move. */
export class CallDeadline {
  readonly #at: number

  constructor(timeoutMs: number) {
    this.#at = performance.now() + timeoutMs
  }

  get passed(): boolean {
    return performance.now() >= this.#at
  }
}

/** Runs a task again and again: `task` answers after how many milliseconds. Never two at a time; an error goes to `failed`. */
export class Repeat {
  readonly #task: () => Promise<number>
  readonly #failed: (error: unknown) => number
  #timer: ReturnType<typeof setTimeout> | undefined
  #dueAt = Number.POSITIVE_INFINITY
  #running: Promise<void> | undefined
  #stopped = false

  constructor(task: () => Promise<number>, failed: (error: unknown) => number) {
    this.#task = task
    this.#failed = failed
  }

  /** Runs within `delayMs` at the latest; an earlier run that is planned stays. */
  within(delayMs: number): void {
    if (this.#stopped) return
    const at = performance.now() + delayMs
    if (at >= this.#dueAt) return
    clearTimeout(this.#timer)
    this.#dueAt = at
    if (this.#running === undefined) this.#timer = setTimeout(() => this.run(), delayMs)
  }

  /** Runs now, or joins the run under way. */
  run(): Promise<void> {
    clearTimeout(this.#timer)
    this.#running ??= this.#once()
    return this.#running
  }

  /** No more runs; resolves when the last has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #once(): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY
    let nextMs: number
    try {
      nextMs = await this.#task()
    } catch (error) {
      nextMs = this.#failed(error)
    }
    this.#running = undefined
    if (this.#stopped) return
    const wanted = this.#dueAt - performance.now()
    this.#dueAt = Number.POSITIVE_INFINITY
    this.within(Math.max(0, Math.min(nextMs, wanted)))
  }
}
