import { ConnectionError, toError } from '../errors.js'
import type { Abortable, Awaitable } from '../ports/abortable.js'
import type { BusParts } from './bus-parts.js'

/** What a server answers, or an error where it takes too long: one that hangs must not hang who asks. */
export async function answered<T>(
  { clock, health: { timeoutMs } }: Pick<BusParts, 'clock' | 'health'>,
  ask: (options: Abortable) => Awaitable<T>,
  { signal }: Abortable,
): Promise<T> {
  const deadline = new AbortController()
  const late = new Promise<never>((_, reject) => {
    const giveUp = (): void => reject(toError(deadline.signal.reason))
    deadline.signal.addEventListener('abort', giveUp, { once: true })
  })
  const timer = clock.setTimer(() => deadline.abort(new ConnectionError(`There was no answer within ${timeoutMs} ms.`)), timeoutMs)
  const onAbort = (): void => deadline.abort(toError(signal?.reason))
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted) onAbort()
  try {
    return await Promise.race([(async () => ask({ signal: deadline.signal }))(), late])
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}
