import type { Abortable, DeadLetter, DeadLetterFilter, DeadLetterList, DeadLetterPage, IDeadLetterStore, WireData } from '@interline/core'
import { KeySpace, type LetterKeys } from './key-space.js'
import { type Links, linksOf, type Route } from './links.js'
import { type RedisConnectionOptions, resolveConnection } from './redis-options.js'
import { addLettersScript } from './scripts/index.js'

const scanPage = 500

/** Dead letters in a hash, and their order by time in a sorted set: listed, filtered, paged, counted and removed one by one. */
export class RedisDeadLetterStore implements IDeadLetterStore {
  readonly #links: Links
  readonly #keys: LetterKeys

  /** With options it opens a connection of its own, to be closed by `close`; a broker gives its own. */
  constructor(source: RedisConnectionOptions | { readonly links: Links; readonly keys: LetterKeys } = {}) {
    if ('links' in source) {
      this.#links = source.links
      this.#keys = source.keys
    } else {
      const options = resolveConnection(source)
      this.#links = linksOf(options, 'control')
      this.#keys = new KeySpace(options.prefix)
    }
  }

  async add(letters: readonly DeadLetter[], options?: Abortable): Promise<void> {
    options?.signal?.throwIfAborted()
    if (letters.length === 0) return
    await this.#route.run((client) => addLettersScript.run(client, this.#names(), letterArguments(letters)))
  }

  async list(filter: DeadLetterFilter = {}, page: DeadLetterPage = {}): Promise<DeadLetterList> {
    const limit = page.limit ?? 100
    const letters: DeadLetter[] = []
    for await (const letter of this.#scan(filter, page.after, page.signal)) {
      if (letters.length === limit) return { letters, next: cursorOf(letters.at(-1)) }
      letters.push(letter)
    }
    return { letters, next: undefined }
  }

  async count(filter: DeadLetterFilter = {}, options?: Abortable): Promise<number> {
    if (Object.values(filter).every((value) => value === undefined)) {
      return this.#route.run((client) => client.zcard(this.#keys.deadLetterIndex))
    }
    let count = 0
    for await (const _ of this.#scan(filter, undefined, options?.signal)) count++
    return count
  }

  async remove(ids: readonly string[], options?: Abortable): Promise<number> {
    options?.signal?.throwIfAborted()
    if (ids.length === 0) return 0
    return this.#route.run(async (client) => {
      const [removed] = await Promise.all([client.hdel(this.#keys.deadLetters, ...ids), client.zrem(this.#keys.deadLetterIndex, ...ids)])
      return removed
    })
  }

  get #route(): Route {
    return this.#links.at(this.#keys.deadLetters)
  }

  close(): void {
    this.#links.close()
  }

  #names(): string[] {
    return [this.#keys.deadLetters, this.#keys.deadLetterIndex]
  }

  /** Oldest first, beginning after a cursor: a time and the id of the letter seen last. */
  async *#scan(filter: DeadLetterFilter, after: string | undefined, signal: AbortSignal | undefined): AsyncGenerator<DeadLetter> {
    if (filter.ids !== undefined) {
      yield* await this.#named(filter, after)
      return
    }
    const [since, afterId] = readCursor(after)
    const from = Math.max(since, filter.since?.getTime() ?? Number.NEGATIVE_INFINITY)
    const least = from === Number.NEGATIVE_INFINITY ? '-inf' : String(from)
    const most = filter.until === undefined ? '+inf' : `(${filter.until.getTime()}`
    const seen = new Set<string>()
    for (let offset = 0; ; offset += scanPage) {
      signal?.throwIfAborted()
      const range = await this.#route.run((client) =>
        client.zrangebyscore(this.#keys.deadLetterIndex, least, most, 'WITHSCORES', 'LIMIT', offset, scanPage),
      )
      const ids: string[] = []
      for (let at = 0; at < range.length; at += 2) {
        const id = range[at] as string
        // Letters of one time stand in the order of their ids.
        const passed = Number(range[at + 1]) === since && afterId !== undefined && compareBytes(id, afterId) <= 0
        if (!passed && !seen.has(id)) ids.push(id)
      }
      if (ids.length > 0) {
        const texts = await this.#route.run((client) => client.hmget(this.#keys.deadLetters, ...ids))
        for (const [index, text] of texts.entries()) {
          if (text === null) continue
          seen.add(ids[index] as string)
          const letter = readLetter(text)
          if (matches(letter, filter)) yield letter
        }
      }
      if (range.length < scanPage * 2) return
    }
  }

  /** Those of given ids need no walk through all. */
  async #named(filter: DeadLetterFilter, after: string | undefined): Promise<readonly DeadLetter[]> {
    const ids = [...new Set(filter.ids)]
    if (ids.length === 0) return []
    const texts = await this.#route.run((client) => client.hmget(this.#keys.deadLetters, ...ids))
    const [since, afterId] = readCursor(after)
    return texts
      .flatMap((text) => (text === null ? [] : [readLetter(text)]))
      .filter((letter) => matches(letter, filter) && inTime(letter, filter))
      .filter(({ deadAt, id }) => afterId === undefined || deadAt > since || (deadAt === since && compareBytes(id, afterId) > 0))
      .sort((left, right) => left.deadAt - right.deadAt || compareBytes(left.id, right.id))
  }
}

/** For each letter: id, time, text, as the scripts take them. */
export function letterArguments(letters: readonly DeadLetter[]): string[] {
  return letters.flatMap((letter) => [letter.id, String(letter.deadAt), writeLetter(letter)])
}

function writeLetter(letter: DeadLetter): string {
  const { data } = letter.message
  return JSON.stringify({
    ...letter,
    message: { ...letter.message, data: data instanceof Uint8Array ? { base64: Buffer.from(data).toString('base64') } : data },
  })
}

function readLetter(text: string): DeadLetter {
  const letter = JSON.parse(text) as DeadLetter & { message: { data: WireData | { base64: string } } }
  const { data } = letter.message
  const message = {
    ...letter.message,
    key: letter.message.key,
    data: typeof data === 'object' && 'base64' in data ? new Uint8Array(Buffer.from(data.base64, 'base64')) : (data as WireData),
  }
  return { ...letter, correlationId: letter.correlationId, message }
}

function matches(letter: DeadLetter, filter: DeadLetterFilter): boolean {
  return (
    (filter.ids === undefined || filter.ids.includes(letter.id)) &&
    (filter.group === undefined || filter.group === letter.group) &&
    (filter.handler === undefined || filter.handler === letter.handler) &&
    (filter.topic === undefined || filter.topic === letter.topic) &&
    (filter.key === undefined || filter.key === letter.message.key) &&
    (filter.eventType === undefined || filter.eventType === letter.eventType) &&
    (filter.correlationId === undefined || filter.correlationId === letter.correlationId) &&
    (filter.reason === undefined || filter.reason === letter.reason)
  )
}

function inTime({ deadAt }: DeadLetter, { since, until }: DeadLetterFilter): boolean {
  return (since === undefined || deadAt >= since.getTime()) && (until === undefined || deadAt < until.getTime())
}

function cursorOf(letter: DeadLetter | undefined): string | undefined {
  return letter === undefined ? undefined : `${letter.deadAt}:${letter.id}`
}

function readCursor(cursor: string | undefined): readonly [number, string | undefined] {
  if (cursor === undefined) return [Number.NEGATIVE_INFINITY, undefined]
  const colon = cursor.indexOf(':')
  return [Number(cursor.slice(0, colon)), cursor.slice(colon + 1)]
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
