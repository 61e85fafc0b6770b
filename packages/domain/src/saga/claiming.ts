import { type ClaimedSaga, type IClock, type ISagaStore, RetryLater } from '@interline/core'

export interface Claiming {
  readonly store: ISagaStore
  readonly clock: IClock
  readonly leaseMs: number
}

/** How long it is waited here for a saga that is being worked on. */
const patienceMs = 5_000
const shortestPauseMs = 5
const longestPauseMs = 200

export interface ClaimingOptions {
  readonly signal?: AbortSignal | undefined
  /** However long it takes: for who can't come back. */
  readonly patient?: boolean | undefined
}

/** Claims a saga, and waits while somebody else has it. Throws RetryLater where that takes long; `undefined`: there is none. */
export async function claimSaga(
  { store, clock, leaseMs }: Claiming,
  type: string,
  id: string,
  { signal, patient = false }: ClaimingOptions = {},
): Promise<ClaimedSaga | undefined> {
  const until = clock.monotonic() + patienceMs
  for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    signal?.throwIfAborted()
    const claimed = await store.claim(type, id, { leaseMs, signal })
    if (claimed !== 'busy') return claimed
    if (!patient && clock.monotonic() >= until)
      throw new RetryLater({ afterMs: leaseMs / 4, cause: new Error(`The saga ${type} ${id} is being worked on.`) })
    await new Promise<void>((resolve) => clock.setTimer(resolve, pauseMs))
  }
}
