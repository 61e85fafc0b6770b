export interface OperatedRecord {
  readonly broker: string
  readonly destination: string
  readonly operation: string
  readonly durationMs: number
  /** Of the error, where there was one. */
  readonly kind: string | undefined
}

export interface HandledRecord extends Omit<OperatedRecord, 'operation'> {
  readonly group: string
  readonly handler: string
  readonly type: string
  /** From the making of the event; of runs that came to a good end. */
  readonly latencyMs: number | undefined
}

export interface Recording {
  operated(record: OperatedRecord): void
  handled(record: HandledRecord): void
}

export class InstrumentRecorder implements Recording {
  readonly #recordings = new Set<Recording>()

  get active(): boolean {
    return this.#recordings.size > 0
  }

  add(recording: Recording): () => void {
    this.#recordings.add(recording)
    return () => this.#recordings.delete(recording)
  }

  operated(record: OperatedRecord): void {
    for (const each of this.#recordings) each.operated(record)
  }

  handled(record: HandledRecord): void {
    for (const each of this.#recordings) each.handled(record)
  }
}
