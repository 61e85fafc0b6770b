import { type ICheckpointStore, isNote, type Position } from '@interline/core'

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
    const positions = [...this.#positions].filter(([name]) => !isNote(name)).map(([, position]) => Number(position) || 0)
    return positions.length === 0 ? undefined : Math.min(...positions)
  }

  remove(name: string): void {
    this.#positions.delete(name)
  }
}
