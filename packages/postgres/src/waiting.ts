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
    timer.unref()
    signal?.addEventListener('abort', end)
  })
}
