import type { KeptEvent } from '@interline/core'
import type { PlainRequest } from '../request/request.js'

/** What a saga's record holds as JSON. */
export interface SagaBody {
  /** Of the definition that it was written by. */
  readonly version: number
  readonly state: unknown
  /** Of the event that began it, for all that it publishes. */
  readonly correlationId?: string | undefined
  /** Whether its first look at the time has been taken: from then on its timeouts run. */
  readonly begun: boolean
  /** Steps that were done and not undone, in order. */
  readonly done: readonly string[]
  /** Runs that failed of what is to be done next. */
  readonly attempts: number
  /** Until when it waits after the last of them, by the store's clock. */
  readonly retryAt?: number | undefined
  readonly timers: readonly SagaTimer[]
  /** What was published or sent by the state that is stored here, and may not have reached the broker. */
  readonly outgoing: readonly Outgoing[]
  /** Ids of the events that it has seen, newest last. */
  readonly seen: readonly string[]
  /** Why it is undone or parked. */
  readonly reason?: SagaReason | undefined
  /** What it did when it was parked. */
  readonly parkedFrom?: 'running' | 'compensating' | undefined
  readonly history: readonly SagaHistoryEntry[]
}

export interface SagaTimer {
  readonly name: string
  /** Milliseconds since 1970 by the store's clock. */
  readonly at: number
}

export type Outgoing =
  | { readonly kind: 'event'; readonly event: KeptEvent }
  | { readonly kind: 'command'; readonly command: PlainRequest; readonly key: string | undefined }

export interface SagaReason {
  readonly name: string
  readonly message: string
}

export interface SagaHistoryEntry {
  readonly at: number
  readonly what:
    | 'began'
    | 'did'
    | 'undid'
    | 'event'
    | 'timeout'
    | 'failed'
    | 'parked'
    | 'resumed'
    | 'cancelled'
    | 'completed'
    | 'compensated'
  /** Of the step, event or timeout. */
  readonly name?: string | undefined
  readonly error?: string | undefined
}

/** Of each list that grows with what happens, so many entries are kept. */
const longestHistory = 1_000

export function writeBody(body: SagaBody): string {
  return JSON.stringify({ ...body, seen: body.seen.slice(-longestHistory), history: body.history.slice(-longestHistory) })
}

export function readBody(text: string): SagaBody {
  return JSON.parse(text) as SagaBody
}

export function firstBody(version: number, state: unknown, correlationId: string | undefined, seen: readonly string[]): SagaBody {
  return { version, state, correlationId, begun: false, done: [], attempts: 0, timers: [], outgoing: [], seen, history: [] }
}
