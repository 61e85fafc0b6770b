/** Resolves after `delayMs`, or at once when the signal is aborted. Keeps no process alive. */
export function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, delayMs)
    signal?.addEventListener('abort', end)
  })
}

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

/** Something a loop waits for and others wake. A wake-up that comes while nobody waits is kept for the next wait. */
export class Bell {
  #rung = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  wait(timeoutMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#wake?.(), Math.max(0, timeoutMs))
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = undefined
        this.#rung = false
        resolve()
      }
      if (this.#rung) this.#wake()
    })
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
