import { type ICheckpointStore, InterlineError, noteName } from '@interline/core'

/** What all processes know of a projection, kept as a note beside its checkpoints. */
export interface ProjectionRecord {
  /** The generation that is read from. */
  readonly live: number
  /** The one that is built beside it, to take its place. */
  readonly next?: number | undefined
  /** Those whose place was taken, until what they wrote is removed. */
  readonly retired?: readonly RetiredGeneration[] | undefined
  /** To be emptied and begun anew, before anything else. */
  readonly resetting?: number | undefined
  readonly paused?: boolean | undefined
  /** The highest that there ever was: none is used twice. */
  readonly highest: number
  /** The event that stopped it last, until it is passed. */
  readonly poison?: PoisonEvent | undefined
}

export interface RetiredGeneration {
  readonly generation: number
  /** When its place was taken, in milliseconds since 1970. */
  readonly at: number
}

export interface PoisonEvent {
  readonly generation: number
  readonly eventId: string
  readonly type: string
  readonly stream: string
  readonly version: number
  readonly position: string
  readonly error: string
  readonly attempts: number
  /** Milliseconds since 1970. */
  readonly at: number
  /** Somebody decided to go on without it. */
  readonly skip?: boolean | undefined
}

const first: ProjectionRecord = { live: 1, highest: 1 }
const mostTries = 100

export type RecordStore = Pick<ICheckpointStore, 'load' | 'save' | 'remove'>

/** Reads and changes a projection's record: compare and set, so that two processes never undo each other's change. */
export class ProjectionRecords {
  readonly #note: string

  constructor(name: string) {
    this.#note = noteName(`projection:${name}`)
  }

  async load(store: RecordStore): Promise<ProjectionRecord> {
    return parse(await store.load(this.#note))
  }

  /** What `change` makes of it; where it gives the same object, nothing is written. */
  async change(store: RecordStore, change: (record: ProjectionRecord) => ProjectionRecord): Promise<ProjectionRecord> {
    for (let tries = 0; tries < mostTries; tries++) {
      const text = await store.load(this.#note)
      const record = parse(text)
      const changed = change(record)
      if (changed === record || (await store.save(this.#note, JSON.stringify(changed), text))) return changed
    }
    throw new RecordBusyError(`The record "${this.#note}" changes faster than it can be written. Try again.`)
  }
}

class RecordBusyError extends InterlineError {
  override readonly code = 'INTERLINE_PROJECTION_BUSY'
  override readonly retryable = true
}

function parse(text: string | undefined): ProjectionRecord {
  return text === undefined ? first : (JSON.parse(text) as ProjectionRecord)
}
