import { type RecordedEvent, toError } from '@interline/core'
import type { LogEntry } from './log-entry.js'
import { forgetScript } from './scripts/forget.js'
import { recordedFromBuffers } from './store-entry.js'
import { correlationIndexed, eventField, placeOf } from './store-keys.js'
import type { StoreLink } from './store-link.js'

const pageSize = 100

/** Removes events with everything that points to them. All of it may be done twice, and by several processes at once. */
export class Traces {
  readonly #link: StoreLink

  constructor(link: StoreLink) {
    this.#link = link
  }

  /** Removes what stands at these entries of the log; `events` are those of them that are still there. */
  remove(entries: readonly LogEntry[], events: readonly (RecordedEvent | undefined)[]): Promise<void> {
    const { keys } = this.#link
    const known = new Map(events.flatMap((event) => (event === undefined ? [] : [[event.position, event] as const])))
    return this.#forget(entries, known, (stream) => keys.events(stream))
  }

  /** Removes what streams that were deleted have left behind; what can't be removed now is tried again by the next call. */
  async sweep(): Promise<void> {
    const { keys, logger } = this.#link
    const deletions = await this.#link.write('list deleted streams', (client) => client.hgetall(keys.deletions))
    for (const [deletion, stream] of Object.entries(deletions)) {
      try {
        await this.#sweep(deletion, stream)
      } catch (error) {
        logger.warn(`The events of the deleted stream "${stream}" still take room in Redis. It will be tried again.`, {
          error: toError(error).message,
        })
      }
    }
  }

  async #sweep(deletion: string, stream: string): Promise<void> {
    const { keys } = this.#link
    const name = keys.deleted(deletion)
    for (;;) {
      const found = await this.#link.write('read a deleted stream', (client) => client.xrangeBuffer(name, '-', '+', 'COUNT', pageSize))
      if (found.length === 0) break
      const events = found.map(([id, fields]) => recordedFromBuffers(stream, Number(String(id).slice(2)), fields))
      await this.#forget(events, new Map(events.map((event) => [event.position, event])), () => name)
    }
    await this.#link.write('forget a deleted stream', (client) => client.hdel(keys.deletions, deletion))
  }

  async #forget(
    places: readonly Pick<RecordedEvent, 'stream' | 'version' | 'position'>[],
    events: ReadonlyMap<string, RecordedEvent>,
    nameOf: (stream: string) => string,
  ): Promise<void> {
    const { keys } = this.#link
    const names: string[] = [keys.state, keys.log]
    const numbers = new Map<string, number>()
    const number = (name: string): string => {
      let known = numbers.get(name)
      if (known === undefined) numbers.set(name, (known = names.push(name)))
      return String(known)
    }
    const values: string[] = []
    for (const { stream, version, position } of places) {
      const attributes = events.get(position)?.message.attributes ?? {}
      values.push(number(nameOf(stream)))
      values.push(correlationIndexed(attributes) ? number(keys.correlation(attributes.correlationid as string)) : '0')
      values.push(position, String(version), eventField(attributes.id ?? ''), placeOf(position, version, stream))
    }
    await this.#link.write('remove events', (client) => forgetScript.run(client, names, values))
  }
}
