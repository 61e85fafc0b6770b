/** Resolves after `delayMs`, or at once when the signal is aborted. */
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
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#wake?.(), timeoutMs)
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

/** Tries again while the error is one that passes, up to a limit. */
export async function patiently<T>(work: () => Promise<T>, passes: (error: unknown) => boolean, limitMs: number): Promise<T> {
  const until = performance.now() + limitMs
  for (let failures = 0; ; failures++) {
    try {
      return await work()
    } catch (error) {
      if (!passes(error) || performance.now() >= until) throw error
      await pause(Math.min(20 * 2 ** failures, 500))
    }
  }
}
