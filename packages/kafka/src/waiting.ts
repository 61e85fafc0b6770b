import { pause } from '@interline/core'

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
