import type { RecordedEvent } from '../../ports/event-store.js'

/** What a processor is doing. */
export type ProcessorState =
  /** Another process has the lease; this one takes over when that ends. */
  | { readonly kind: 'waiting' }
  /** There was more to read than one look found. */
  | { readonly kind: 'catching-up' }
  /** Has seen everything that was there, and waits for what comes. */
  | { readonly kind: 'live' }
  /** Told to do nothing. It keeps its lease: nobody takes over. */
  | { readonly kind: 'paused' }
  /** The store does not answer, or refuses; it is tried again. */
  | { readonly kind: 'interrupted'; readonly error: Error }
  /** An event can't be handled. Nothing goes on until `resume`, here or in another process that takes over. */
  | { readonly kind: 'stopped'; readonly event: RecordedEvent; readonly error: Error }
  | { readonly kind: 'closed' }
