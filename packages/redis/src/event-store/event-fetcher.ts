import type { RecordedEvent } from '@interline/core'
import { fetchScript } from './scripts/fetch.js'
import { recordedFromBuffers, recordedOf } from './store-entry.js'
import type { StoreLink } from './store-link.js'

/** Where an event should be. */
export interface EventPlace {
  readonly stream: string
  readonly version: number
  readonly position: string
}

export type Fields = readonly string[]

/** Reads events, from one stream or from many at once. */
export class EventFetcher {
  readonly #link: StoreLink

  constructor(link: StoreLink) {
    this.#link = link
  }

  /** In the order of the places; `undefined` where another event, or none, is there now. */
  async fetch(places: readonly EventPlace[], signal: AbortSignal | undefined): Promise<(RecordedEvent | undefined)[]> {
    if (places.length === 0) return []
    const numbers = new Map<string, number>()
    const values: string[] = []
    for (const { stream, version } of places) {
      let number = numbers.get(stream)
      if (number === undefined) numbers.set(stream, (number = numbers.size + 1))
      values.push(String(number), String(version))
    }
    const names = [...numbers.keys()].map((stream) => this.#link.keys.events(stream))
    const found = (await this.#link.read('read events', (client) => fetchScript.run(client, names, values), signal)) as (Fields | null)[]
    return Promise.all(
      places.map((place, index) => {
        const fields = found[index]
        if (fields === null || fields === undefined || fields[1] !== place.position) return undefined
        return this.decode(place.stream, place.version, fields, signal)
      }),
    )
  }

  decode(
    stream: string,
    version: number,
    fields: Fields,
    signal: AbortSignal | undefined,
  ): RecordedEvent | Promise<RecordedEvent | undefined> {
    return recordedOf(stream, version, fields) ?? this.#again(stream, version, signal)
  }

  /** Bytes come as bytes only when asked for. */
  async #again(stream: string, version: number, signal: AbortSignal | undefined): Promise<RecordedEvent | undefined> {
    const id = `0-${version}`
    const name = this.#link.keys.events(stream)
    const [entry] = await this.#link.read('read an event', (client) => client.xrangeBuffer(name, id, id), signal)
    return entry === undefined ? undefined : recordedFromBuffers(stream, version, entry[1])
  }
}
