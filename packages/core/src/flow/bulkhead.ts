import { ConfigurationError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'

export interface BulkheadOptions {
  /** At most so many at once, over all that share it. */
  readonly maxConcurrent: number
}

/** Keeps what shares it to so many runs at once; who comes later waits in turn. */
export class Bulkhead {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor({ maxConcurrent }: BulkheadOptions) {
    if (!Number.isInteger(maxConcurrent) || maxConcurrent < 1) {
      throw new ConfigurationError(`bulkhead.maxConcurrent is ${maxConcurrent}; give a whole number from 1.`)
    }
    this.#free = maxConcurrent
  }

  async run<T>(work: () => Awaitable<T>): Promise<T> {
    await this.enter()
    try {
      return await work()
    } finally {
      this.leave()
    }
  }

  /** Resolves when there is a place. */
  enter(): Awaitable<void> {
    if (this.#free > 0) this.#free--
    else return new Promise((resolve) => this.#waiting.push(resolve))
  }

  leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}
