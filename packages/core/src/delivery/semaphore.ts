import { isPromise } from '../awaitable.js'
import type { Awaitable } from '../ports/abortable.js'

/** At most n at once; who comes later waits in turn. */
export class Semaphore {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(places: number) {
    this.#free = places
  }

  /** `check` throws where a call that had to wait is not wanted any more. */
  around<A extends readonly unknown[], R>(run: (...args: A) => Awaitable<R>, check: (...args: A) => void): (...args: A) => Awaitable<R> {
    const late = (...args: A): Awaitable<R> => {
      check(...args)
      return run(...args)
    }
    return (...args) => {
      if (this.#free === 0) return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => this.#run(late, args))
      this.#free--
      return this.#run(run, args)
    }
  }

  #run<A extends readonly unknown[], R>(run: (...args: A) => Awaitable<R>, args: A): Awaitable<R> {
    let result: Awaitable<R>
    try {
      result = run(...args)
    } catch (thrown) {
      this.#leave()
      throw thrown
    }
    if (isPromise(result)) return result.finally(() => this.#leave())
    this.#leave()
    return result
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}
