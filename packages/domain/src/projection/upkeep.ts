import { placeOf } from './event-runner.js'
import type { ProjectionOptions, ProjectionPlace } from './projection-options.js'
import type { ProjectionRecord, ProjectionRecords, RecordStore } from './projection-record.js'
import type { ResolvedProjection } from './resolved-projection.js'

type Hooks = Pick<ProjectionOptions, 'setUp' | 'tearDown'>
type Change = (record: ProjectionRecord) => ProjectionRecord

/** Makes and removes what generations write to, each step in one transaction with its note where the store can. */
export class Upkeep {
  readonly #projection: ResolvedProjection
  readonly #hooks: Hooks
  readonly #records: ProjectionRecords

  constructor(projection: ResolvedProjection, hooks: Hooks, records: ProjectionRecords) {
    this.#projection = projection
    this.#hooks = hooks
    this.#records = records
  }

  async setUp(generation: number, signal: AbortSignal): Promise<void> {
    if (this.#hooks.setUp === undefined) return
    await this.#within(generation, signal, async (place) => {
      await this.#hooks.setUp?.(place)
    })
  }

  /** Empties it, so that it begins anew. Interrupted, it is done again from the start, as the note is taken away last. */
  async reset(generation: number, signal: AbortSignal): Promise<void> {
    await this.#within(generation, signal, async (place, store) => {
      await this.#hooks.tearDown?.(place)
      await this.#hooks.setUp?.(place)
      await store.remove(this.#projection.checkpointOf(generation))
      await this.#note(store, (record) => ({ ...record, resetting: undefined, poison: undefined }))
    })
  }

  async remove(generation: number, signal: AbortSignal): Promise<void> {
    await this.#within(generation, signal, async (place, store) => {
      await this.#hooks.tearDown?.(place)
      await store.remove(this.#projection.checkpointOf(generation))
      await this.#note(store, ({ retired, poison, ...record }) => ({
        ...record,
        retired: retired?.filter((each) => each.generation !== generation),
        poison: poison?.generation === generation ? undefined : poison,
      }))
    })
  }

  async #note(store: RecordStore, change: Change): Promise<void> {
    await this.#records.change(store, change)
  }

  async #within(
    generation: number,
    signal: AbortSignal,
    work: (place: ProjectionPlace, store: RecordStore) => Promise<void>,
  ): Promise<void> {
    const { store, transactional } = this.#projection
    const target = this.#projection.targetOf(generation)
    if (!transactional) return work(placeOf(target, generation, signal, undefined), store.checkpoints)
    await store.checkpoints.transaction?.((tx) => work(placeOf(target, generation, signal, tx), tx.checkpoints))
  }
}
