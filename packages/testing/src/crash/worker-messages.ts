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
  /** The number and key of the event that its handler can't take. */
  readonly failing?: { readonly n: number; readonly key: string } | undefined
  readonly keepOrder?: boolean | undefined
  /** The number and key of the event whose handler ends the process. */
  readonly poison?: { readonly n: number; readonly key: string } | undefined
}

/** What it tells, each before it goes on, so that the parent knows of everything that happened before a kill. */
export type WorkerReport =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'buried' } & BuriedEvent)
  | { readonly kind: 'began' | 'handled'; readonly id: string; readonly n: number; readonly key: string; readonly attempt: number }

/** An event that became a dead letter there. */
export interface BuriedEvent {
  readonly eventId: string
  readonly reason: string
  readonly attempts: number
}
