/** What a worker process is told on its command line. */
export interface WorkerOrders {
  /** Exports `createBroker(namespace, ...args)`. */
  readonly module: string
  readonly args: readonly string[]
  readonly namespace: string
  readonly service: string
  readonly name: string
  readonly order: 'key' | 'none'
  readonly concurrency: number
  readonly maxAttempts: number
  /** How long it works on an event. */
  readonly workMs: number
  readonly keepOrder?: boolean | undefined
  /** How long it waits between attempts; 5 ms where it is not said. */
  readonly retryMs?: number | undefined
  /** Options of its bus. */
  readonly window?: number | undefined
  readonly parkAfterMs?: number | undefined
  /** The events that its handler can't take, and what it does with them, each time. */
  readonly harm?: readonly Harm[] | undefined
  /** All the memory that it has, where a handler is to take more than that. */
  readonly heapMegabytes?: number | undefined
  /** How long a handler blocks, or is slow. */
  readonly harmMs?: number | undefined
  /** `false` hands duplicates to the handler. */
  readonly dedup?: false | undefined
}

export interface Harm {
  readonly n: number
  readonly key: string
  /** `throws` an error, `exits` the process, takes more `memory` than there is, or succeeds after it `blocks` the event loop or is `slow`. */
  readonly how: 'throws' | 'exits' | 'memory' | 'blocks' | 'slow'
}

/** What it tells, each before it goes on, so that the parent knows of everything that happened before a kill. */
export type WorkerReport =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'buried' } & BuriedEvent)
  /** A delivery was taken away from it, or its settlement came too late. */
  | { readonly kind: 'lost'; readonly id: string }
  /** Its connection to the server was lost. */
  | { readonly kind: 'cut-off' }
  | ({ readonly kind: 'began' | 'handled' } & WorkerRun)

export interface WorkerRun {
  readonly id: string
  readonly n: number
  readonly key: string
  readonly attempt: number
  /** By the machine's monotonic clock, which is the same in every process. */
  readonly atMs: number
}

/** An event that became a dead letter there. */
export interface BuriedEvent {
  readonly eventId: string
  readonly reason: string
  readonly attempts: number
}
