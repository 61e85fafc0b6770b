/** A value now, or a promise of it. What is synchronous stays synchronous, so that a memory bus needs no promise for an event. */
export type Awaitable<T> = T | Promise<T>

export interface Abortable {
  /** Ends the wait. What had already begun on a server may still take effect. */
  readonly signal?: AbortSignal | undefined
}

export interface CloseOptions extends Abortable {
  /** How long running handlers may take to finish before they are aborted and their events given back. */
  readonly timeoutMs?: number | undefined
}
