import type { ICheckpointStore, Position } from '@interline/core'

/** How far the readers of this process have got. */
export class MemoryCheckpointStore implements ICheckpointStore {
  readonly #positions = new Map<string, Position>()

  load(name: string): Position | undefined {
    return this.#positions.get(name)
  }

  save(name: string, position: Position, expected: Position | undefined): boolean {
    if (this.#positions.get(name) !== expected) return false
    this.#positions.set(name, position)
    return true
  }

  /** Where the reader is that is furthest behind; `undefined` where nobody reads. */
  slowest(): number | undefined {
    if (this.#positions.size === 0) return undefined
    return Math.min(...[...this.#positions.values()].map((position) => Number(position) || 0))
  }

  remove(name: string): void {
    this.#positions.delete(name)
  }
}
