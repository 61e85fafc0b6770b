import type { ILogger } from '../ports/logger.js'
import { HouseKeeping } from './house-keeping.js'
import type { RemovedEvents, ResolvedRetention } from './retention-options.js'

/** What one pass has done. */
export interface RetentionPass extends RemovedEvents {
  /** The reader because of which more was kept than the options ask for. */
  readonly heldBackBy: string | undefined
}

const tellEveryMs = 60_000

/** Gives up events when the options say so, and says so: removing events is never silent. The pass itself is the adapter's. */
export class Retention {
  readonly #options: ResolvedRetention
  readonly #logger: Pick<ILogger, 'warn'>
  readonly #keeping: HouseKeeping<RemovedEvents>
  #untold = { events: 0, streams: 0 }
  #toldAt = Number.NEGATIVE_INFINITY
  #heldBackBy: string | undefined

  constructor(options: ResolvedRetention, pass: (options: ResolvedRetention) => Promise<RetentionPass>, logger: Pick<ILogger, 'warn'>) {
    this.#options = options
    this.#logger = logger
    this.#keeping = new HouseKeeping({
      what: 'The retention of the event store',
      intervalMs: options.intervalMs,
      pass: async () => {
        const { events, streams, heldBackBy } = await pass(options)
        this.#heldBackBy = heldBackBy
        if (events > 0) this.#tell({ events, streams })
        return { events, streams }
      },
      logger,
    })
  }

  /** What a person should know, for health. */
  get warning(): string | undefined {
    if (this.#heldBackBy === undefined) return undefined
    return `Events are kept beyond the retention, because the reader "${this.#heldBackBy}" has not read them. Start it, or remove its checkpoint.`
  }

  start(): void {
    this.#keeping.start()
  }

  /** One pass, now. */
  apply(): Promise<RemovedEvents> {
    return this.#keeping.run()
  }

  stop(): Promise<void> {
    return this.#keeping.stop()
  }

  #tell(removed: RemovedEvents): void {
    if (this.#options.onRemoved !== undefined) {
      this.#options.onRemoved(removed)
      return
    }
    this.#untold = { events: this.#untold.events + removed.events, streams: Math.max(this.#untold.streams, removed.streams) }
    const now = performance.now()
    if (now - this.#toldAt < tellEveryMs) return
    const { events, streams } = this.#untold
    this.#logger.warn(
      `The event store removed its ${events} oldest events, of ${streams} or more streams, as retention asks. Aggregates among them can't be loaded from their beginning.`,
    )
    this.#untold = { events: 0, streams: 0 }
    this.#toldAt = now
  }
}
