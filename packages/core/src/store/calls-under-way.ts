import { ClosedError } from '../errors.js'
import type { CloseOptions } from '../ports/abortable.js'

/** Counts calls, so that closing lets those under way finish and refuses what comes. */
export class CallsUnderWay {
  #count = 0
  #closed = false
  #idle: (() => void) | undefined

  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new ClosedError('The event store is closed. Make a new one.')
    this.#count++
    try {
      return await call()
    } finally {
      if (--this.#count === 0) this.#idle?.()
    }
  }

  /** Refuses from now on; resolves when all have ended, when the time is over or when the signal is aborted. */
  close({ timeoutMs, signal }: CloseOptions & { readonly timeoutMs: number }): Promise<void> {
    this.#closed = true
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, timeoutMs)
      this.#idle = end
      signal?.addEventListener('abort', end)
      if (this.#count === 0 || signal?.aborted === true) end()
    })
  }
}
