import type { IClock } from '@interline/core'

/** A wait that can be ended from elsewhere, also when the call to end it came first. */
export class Wake {
  readonly #clock: IClock
  #called = false
  #end: () => void = () => undefined

  constructor(clock: IClock) {
    this.#clock = clock
  }

  call(): void {
    this.#called = true
    this.#end()
  }

  /** Forgets earlier calls: to be called before looking at what they were about. */
  reset(): void {
    this.#called = false
  }

  wait(forMs: number): Promise<void> {
    if (this.#called) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(() => this.#end(), forMs, { background: true })
      this.#end = () => {
        timer.cancel()
        this.#end = () => undefined
        resolve()
      }
    })
  }
}
