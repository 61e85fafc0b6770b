import { isPromise } from '../awaitable.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock, Timer } from '../ports/clock.js'

/** Something to run once or more often. */
export interface Task {
  /** Tasks of one key run one after the other, in the order they came; `undefined` waits for nobody. */
  readonly key: string | undefined
  /**
   * Answers after how many milliseconds it wants to run again, its key still held; `finished` when it is done. Rejects only where nobody
   * can go on with it here, because what it needs was closed.
   */
  run(): Awaitable<number>
  /** Called instead of `run` when the lanes were stopped before it was its turn, and where `run` rejected. */
  abandon(): void
}

export const finished = -1

/**
 * Runs tasks in order for each key, and at most `concurrency` of them at once. A task that waits for its next run holds its key, not a place,
 * so that others go on meanwhile.
 */
export class Lanes {
  readonly #clock: IClock
  /** Keys that are taken, each with the tasks behind the one that took it. */
  readonly #taken = new Map<string, Task[]>()
  /** Tasks whose key is theirs and who wait for a place. */
  readonly #ready: Task[] = []
  readonly #waiting = new Map<Task, Timer>()
  #running = 0
  #stepping = false
  #stopped = false
  #quiet: (() => void)[] = []

  /** How many tasks run at once. */
  concurrency: number = 1

  constructor(clock: IClock) {
    this.#clock = clock
  }

  /** Tasks that run right now. */
  get running(): number {
    return this.#running
  }

  /** Tasks that wait for their next run. */
  get waiting(): number {
    return this.#waiting.size
  }

  push(task: Task): void {
    if (this.#stopped) {
      task.abandon()
      return
    }
    if (task.key !== undefined) {
      const behind = this.#taken.get(task.key)
      if (behind !== undefined) return void behind.push(task)
      this.#taken.set(task.key, [])
    }
    if (this.#stepping || this.#running >= this.concurrency || this.#ready.length > 0) return void this.#ready.push(task)
    this.#start(task)
    if (this.#ready.length > 0) this.#step()
  }

  /** Abandons those of the tasks that do not run, those of one key in their order; what runs comes to its end. */
  drop(chosen: (task: Task) => boolean): void {
    const dropped = [...this.#waiting.keys(), ...this.#ready].filter(chosen)
    const ready = this.#ready.splice(0)
    this.#ready.push(...ready.filter((task) => !chosen(task)))
    for (const task of dropped) {
      this.#waiting.get(task)?.cancel()
      this.#waiting.delete(task)
      task.abandon()
    }
    for (const behind of this.#taken.values()) {
      for (const task of behind.splice(0)) {
        if (chosen(task)) task.abandon()
        else behind.push(task)
      }
    }
    for (const { key } of dropped) if (key !== undefined) this.#free(key)
    this.#step()
  }

  /** Starts nothing more, abandons what has not begun, and resolves when what runs has come to its end. */
  stop(): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true
      for (const task of this.#ready.splice(0)) task.abandon()
      for (const [task, timer] of this.#waiting) {
        timer.cancel()
        task.abandon()
      }
      this.#waiting.clear()
      for (const behind of this.#taken.values()) for (const task of behind.splice(0)) task.abandon()
    }
    return new Promise((resolve) => (this.#running === 0 ? resolve() : this.#quiet.push(resolve)))
  }

  #start(task: Task): void {
    this.#running++
    // while a task runs synchronously nothing else starts above it on the stack
    const outer = this.#stepping
    this.#stepping = true
    const outcome = task.run()
    this.#stepping = outer
    if (isPromise(outcome)) this.#endLater(task, outcome)
    else this.#ended(task, outcome)
  }

  #endLater(task: Task, outcome: Promise<number>): void {
    outcome.then(
      (again) => {
        this.#ended(task, again)
        this.#step()
      },
      () => {
        task.abandon()
        this.#ended(task, finished)
        this.#step()
      },
    )
  }

  #ended(task: Task, again: number): void {
    this.#running--
    if (again >= 0 && !this.#stopped) this.#wait(task, again)
    else {
      if (again >= 0) task.abandon()
      if (task.key !== undefined) this.#free(task.key)
    }
    if (this.#stopped && this.#running === 0) for (const resolve of this.#quiet.splice(0)) resolve()
  }

  #wait(task: Task, delayMs: number): void {
    const timer = this.#clock.setTimer(() => {
      this.#waiting.delete(task)
      this.#ready.push(task)
      this.#step()
    }, delayMs)
    this.#waiting.set(task, timer)
  }

  #free(key: string): void {
    const behind = this.#taken.get(key)
    if (behind === undefined) return
    const next = behind.shift()
    if (next === undefined) this.#taken.delete(key)
    else this.#ready.push(next)
  }

  #step(): void {
    if (this.#stepping) return
    while (this.#running < this.concurrency) {
      const task = this.#ready.shift()
      if (task === undefined) return
      this.#start(task)
    }
  }
}
