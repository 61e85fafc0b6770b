import type { Abortable, Awaitable } from './abortable.js'
import type { Position } from './event-store.js'

/** How far a named reader has got. */
export interface ICheckpointStore {
  load(name: string, options?: Abortable): Awaitable<Position | undefined>
  /** Compare and set: `false` when the stored position is not `expected`, and nothing is written. */
  save(name: string, position: Position, expected: Position | undefined, options?: Abortable): Awaitable<boolean>
  remove(name: string, options?: Abortable): Awaitable<void>
}
