import type { SagaRecord, SagaStatus } from '@interline/core'
import { readBody, type SagaHistoryEntry, type SagaReason, type SagaTimer } from './saga-body.js'

/** One saga as an operator sees it. */
export interface SagaView<State = unknown> {
  readonly type: string
  readonly id: string
  readonly status: SagaStatus
  /** Of the definition that last worked on it. */
  readonly version: number
  readonly state: State
  /** Steps that were done and not undone. */
  readonly done: readonly string[]
  /** Runs that failed of what is to be done next. */
  readonly failedAttempts: number
  readonly timers: readonly SagaTimer[]
  /** Why it is undone or parked. */
  readonly reason: SagaReason | undefined
  /** Oldest first, of the newest thousand. */
  readonly history: readonly SagaHistoryEntry[]
  readonly createdAt: Date
  readonly updatedAt: Date
}

export function viewOf<State>({ type, id, status, createdAt, updatedAt, body }: SagaRecord): SagaView<State> {
  const { version, state, done, attempts, timers, reason, history } = readBody(body)
  return {
    type,
    id,
    status,
    version,
    state: state as State,
    done,
    failedAttempts: attempts,
    timers: timers.filter(({ name }) => !name.startsWith('delay:')),
    reason,
    history,
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
  }
}
