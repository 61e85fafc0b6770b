import { type Abortable, type ICheckpointStore, isNote, type Position } from '@interline/core'
import type { Redis } from 'ioredis'
import { saveCheckpointScript } from './scripts/save-checkpoint.js'
import type { StoreLink } from './store-link.js'

/** How far this store's readers have got. They live and die with the store, and retention waits for the slowest. */
export class StoreCheckpoints implements ICheckpointStore {
  readonly #link: StoreLink

  constructor(link: StoreLink) {
    this.#link = link
  }

  async load(name: string, { signal }: Abortable = {}): Promise<Position | undefined> {
    const { checkpoints } = this.#link.keys
    return (await this.#link.read(`load checkpoint "${name}"`, (client) => client.hget(checkpoints, name), signal)) ?? undefined
  }

  save(name: string, position: Position, expected: Position | undefined, { signal }: Abortable = {}): Promise<boolean> {
    const { checkpoints } = this.#link.keys
    const work = async (client: Redis, again: boolean): Promise<boolean> => {
      const saved = (await saveCheckpointScript.run(client, [checkpoints], [name, position, expected ?? ''])) === 1
      // The answer of an earlier try was lost: it may have been this very write.
      return saved || (again && (await client.hget(checkpoints, name)) === position)
    }
    return this.#link.write(`save checkpoint "${name}"`, work, signal)
  }

  async remove(name: string, { signal }: Abortable = {}): Promise<void> {
    const { checkpoints } = this.#link.keys
    await this.#link.write(`remove checkpoint "${name}"`, (client) => client.hdel(checkpoints, name), signal)
  }

  /** The reader that is furthest behind. */
  async slowest(signal?: AbortSignal): Promise<{ readonly name: string; readonly position: Position } | undefined> {
    const { checkpoints } = this.#link.keys
    const all = await this.#link.read('read checkpoints', (client) => client.hgetall(checkpoints), signal)
    let slowest: { name: string; position: Position } | undefined
    for (const [name, position] of Object.entries(all)) {
      if (isNote(name)) continue
      if (slowest === undefined || Number(position) < Number(slowest.position)) slowest = { name, position }
    }
    return slowest
  }
}
