import { ConfigurationError, type IEventStore, noteName, type Position } from '@interline/core'
import type { ReplayPlace } from './selected-events.js'

/** Where a replay with a name is. */
export interface ReplayNote {
  readonly selection: string
  readonly end: Position
  readonly place: ReplayPlace | undefined
  readonly events: number
  readonly skipped: number
}

/** Keeps where a replay is, in the store; a replay without a name is nowhere when it ends. */
export class ReplayNotes {
  readonly #store: IEventStore
  readonly #name: string | undefined
  #saved: string | undefined

  constructor(store: IEventStore, name: string | undefined) {
    this.#store = store
    this.#name = name === undefined ? undefined : noteName(`replay:${name}`)
  }

  /** What was noted, or a beginning. Throws ConfigurationError where the name stands for another selection. */
  async begin(selection: string): Promise<ReplayNote> {
    this.#saved = this.#name === undefined ? undefined : await this.#store.checkpoints.load(this.#name)
    if (this.#saved === undefined) return { selection, end: await this.#store.head(), place: undefined, events: 0, skipped: 0 }
    const note = JSON.parse(this.#saved) as ReplayNote
    if (note.selection === selection) return note
    throw new ConfigurationError('A replay of this name was begun with another selection. Finish that, forget() it, or take another name.')
  }

  async save(note: ReplayNote): Promise<void> {
    if (this.#name === undefined) return
    const text = JSON.stringify(note)
    if (text === this.#saved) return
    if (!(await this.#store.checkpoints.save(this.#name, text, this.#saved))) {
      throw new ConfigurationError('Another process goes on with the replay of this name.')
    }
    this.#saved = text
  }

  async remove(): Promise<void> {
    if (this.#name !== undefined) await this.#store.checkpoints.remove(this.#name)
  }
}
