import type { IEventStore, Position, ReadAllOptions, RecordedEvent } from '../ports/event-store.js'

export interface FollowOptions extends Omit<ReadAllOptions, 'limit' | 'until'> {
  /** How often it is looked for what other processes appended, default 1,000. What this process appends is seen at once. */
  readonly pollMs?: number | undefined
}

const defaultPollMs = 1_000

/**
 * All events from a position on, those that are there and those that come, in the store's order, until the signal is aborted: then it
 * ends without an error. Pages are read as they are asked for, so a slow reader holds nothing in memory.
 */
export async function* follow(
  store: IEventStore,
  { pollMs = defaultPollMs, signal, ...options }: FollowOptions = {},
): AsyncGenerator<RecordedEvent, void, undefined> {
  let after: Position | undefined = options.after
  let appended = true
  let wake: () => void = () => undefined
  const stop = store.onAppended(() => {
    appended = true
    wake()
  })
  const end = (): void => wake()
  const ended = (): boolean => signal?.aborted === true
  signal?.addEventListener('abort', end)
  try {
    while (!ended()) {
      appended = false
      for await (const event of store.readAll({ ...options, after })) {
        yield event
        after = event.position
        if (ended()) return
      }
      if (appended || ended()) continue
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  } finally {
    stop()
    signal?.removeEventListener('abort', end)
  }
}
