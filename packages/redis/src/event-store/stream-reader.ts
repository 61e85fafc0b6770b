import { checkReadStream, PageSize, type ReadStreamOptions, type RecordedEvent } from '@interline/core'
import type { EventFetcher } from './event-fetcher.js'
import { sizeOf } from './store-entry.js'
import type { StoreLink } from './store-link.js'

/** Reads one stream, page by page. */
export async function* readStream(
  link: StoreLink,
  fetcher: EventFetcher,
  stream: string,
  options: ReadStreamOptions,
): AsyncGenerator<RecordedEvent, void, undefined> {
  checkReadStream(stream, options)
  const { backwards = false, signal } = options
  const name = link.keys.events(stream)
  const page = new PageSize()
  let from = Math.max(options.from ?? 1, 1)
  let to = options.to ?? Number.MAX_SAFE_INTEGER
  let left = options.limit ?? Number.POSITIVE_INFINITY
  while (left > 0 && from <= to) {
    const count = Math.min(page.size, left)
    const range = [`0-${from}`, `0-${to}`] as const
    const entries = await link.read(
      `read stream "${stream}"`,
      (client) =>
        backwards ? client.xrevrange(name, range[1], range[0], 'COUNT', count) : client.xrange(name, range[0], range[1], 'COUNT', count),
      signal,
    )
    let bytes = 0
    for (const [id, fields] of entries) {
      signal?.throwIfAborted()
      const version = Number(id.slice(2))
      const decoded = fetcher.decode(stream, version, fields, signal)
      const event = decoded instanceof Promise ? await decoded : decoded
      if (backwards) to = version - 1
      else from = version + 1
      if (event === undefined) continue
      bytes += sizeOf(event.message)
      left--
      yield event
    }
    if (entries.length < count) return
    page.saw(entries.length, bytes)
  }
}
