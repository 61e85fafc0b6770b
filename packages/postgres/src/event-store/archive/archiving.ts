import { HouseKeeping, type ILogger } from '@interline/core'
import type { ResolvedArchive } from '../event-store-options.js'
import type { ArchivedEvents, Archiver } from './archiver.js'

/** Archives from time to time, and tells of it. */
export class Archiving {
  readonly #keeping: HouseKeeping<ArchivedEvents>
  #heldBackBy: string | undefined

  constructor(archiver: Archiver, { intervalMs, onArchived }: ResolvedArchive, logger: Pick<ILogger, 'warn'>) {
    this.#keeping = new HouseKeeping({
      what: 'The archive of the event store',
      intervalMs,
      pass: async () => {
        const { events, heldBackBy } = await archiver.pass()
        this.#heldBackBy = heldBackBy
        if (events > 0) onArchived?.({ events })
        return { events }
      },
      logger,
    })
  }

  /** What a person should know, for health. */
  get warning(): string | undefined {
    if (this.#heldBackBy === undefined) return undefined
    return `Events are not archived yet, because the reader "${this.#heldBackBy}" has not read them. Start it, or remove its checkpoint.`
  }

  start(): void {
    this.#keeping.start()
  }

  apply(): Promise<ArchivedEvents> {
    return this.#keeping.run()
  }

  stop(): Promise<void> {
    return this.#keeping.stop()
  }
}
