import type { IClock } from '@interline/core'

/** Rejects with the signal's reason when it is aborted meanwhile. */
export function pause(clock: IClock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, delayMs)
    const abort = (): void => {
      timer.cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}
