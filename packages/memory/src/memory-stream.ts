import type { RecordedEvent, StreamState, WireMessage } from '@interline/core'
import { SegmentedLog } from './segmented-log.js'

/** One stream. Its versions go on after those of a deleted stream of the same name, `before`. */
export class MemoryStream implements StreamState {
  readonly before: number
  readonly deleted: boolean
  readonly #events = new SegmentedLog<RecordedEvent>()
  readonly #versions = new Map<string, number>()

  constructor(before: number, deleted: boolean) {
    this.before = before
    this.deleted = deleted
  }

  get version(): number {
    return this.before + this.#events.head
  }

  /** Version of the oldest event that is kept. */
  get firstVersion(): number {
    return this.before + this.#events.start + 1
  }

  at(version: number): RecordedEvent | undefined {
    return this.#events.at(version - this.before - 1)
  }

  append(event: RecordedEvent): void {
    this.#events.append(event)
    this.#versions.set(event.message.attributes.id ?? '', event.version)
  }

  dropFirst(): void {
    const first = this.at(this.firstVersion)
    this.#events.dropBefore(this.#events.start + 1)
    if (first !== undefined) this.#versions.delete(first.message.attributes.id ?? '')
  }

  /** The recorded ones, where all of these events are there already, one after the other. */
  find(messages: readonly WireMessage[]): readonly RecordedEvent[] | undefined {
    const first = this.#versions.get(messages[0]?.attributes.id ?? '')
    if (first === undefined) return undefined
    const found: RecordedEvent[] = []
    for (const [index, message] of messages.entries()) {
      const event = this.at(first + index)
      if (event === undefined || event.message.attributes.id !== message.attributes.id) return undefined
      found.push(event)
    }
    return found
  }
}
