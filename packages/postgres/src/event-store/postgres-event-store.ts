import { ManagedEventStore } from '@interline/core'
import type { ArchivedEvents } from './archive/archiver.js'
import { type PostgresEventStoreOptions, resolveEventStoreOptions } from './event-store-options.js'
import { PostgresStoreEngine } from './postgres-store-engine.js'

/**
 * Events in PostgreSQL, or in a PGlite inside this process: each stream with versions, all of them in one order of positions that readers
 * pass without a gap, whatever other transactions are doing. Positions grow and may leave numbers out.
 */
export class PostgresEventStore extends ManagedEventStore {
  readonly name = 'postgres'

  readonly #engine: PostgresStoreEngine

  constructor(options: PostgresEventStoreOptions = {}) {
    const engine = new PostgresStoreEngine(resolveEventStoreOptions(options))
    super(engine)
    this.#engine = engine
  }

  /** Makes now what partitions are due, and drops what is over and empty; otherwise that is done from time to time. */
  async applyPartitions(): Promise<void> {
    await this.#engine.partitions?.apply()
  }

  /** Moves now what `archive` asks for; otherwise that is done from time to time. */
  async applyArchive(): Promise<ArchivedEvents> {
    return (await this.#engine.archive?.apply()) ?? { events: 0 }
  }
}
