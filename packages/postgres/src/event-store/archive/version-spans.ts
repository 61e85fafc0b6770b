import type { RecordedEvent } from '@interline/core'
import { isTombstone } from './tombstones.js'

/** Which versions of which streams are among events. */
export class VersionSpans {
  readonly streams: string[] = []
  readonly from: number[] = []
  readonly to: number[] = []

  constructor(events: readonly RecordedEvent[]) {
    const places = new Map<string, number>()
    for (const event of events) {
      if (isTombstone(event)) continue
      const { stream, version } = event
      const place = places.get(stream)
      if (place === undefined) {
        places.set(stream, this.streams.push(stream) - 1)
        this.from.push(version)
        this.to.push(version)
      } else {
        this.from[place] = Math.min(this.from[place] as number, version)
        this.to[place] = Math.max(this.to[place] as number, version)
      }
    }
  }
}
