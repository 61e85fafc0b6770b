import type { RecordedEvent } from '@interline/core'
import type { ReplayedEvent, ReplayReport } from './replay-options.js'

/** Counts what goes by. */
export class ReplayCount {
  readonly #sample: ReplayedEvent[] = []
  readonly #mostSamples: number
  readonly #byType = new Map<string, number>()
  readonly #streams = new Set<string>()
  #first: ReplayedEvent | undefined
  #last: ReplayedEvent | undefined

  constructor(mostSamples: number) {
    this.#mostSamples = mostSamples
  }

  add({ stream, version, position, recordedAt, message }: RecordedEvent): void {
    const { id: eventId = '', type = '' } = message.attributes
    const event: ReplayedEvent = { eventId, type, stream, version, position, recordedAt }
    this.#byType.set(type, (this.#byType.get(type) ?? 0) + 1)
    this.#streams.add(stream)
    this.#first ??= event
    this.#last = event
    if (this.#sample.length < this.#mostSamples) this.#sample.push(event)
  }

  report(dryRun: boolean, events: number, skipped: number): ReplayReport {
    return {
      dryRun,
      events,
      skipped,
      byType: Object.fromEntries(this.#byType),
      streams: this.#streams.size,
      first: this.#first,
      last: this.#last,
      sample: this.#sample,
    }
  }
}
