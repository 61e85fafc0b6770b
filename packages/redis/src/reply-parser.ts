import { isAscii } from 'node:buffer'

/** A reply of the Redis protocol, version 2. */
export type Reply = string | number | null | Error | readonly Reply[]

const [star, dollar, colon, minus, carriageReturn] = [42, 36, 58, 45, 13]

/**
 * Reads replies out of chunks. Made for long replies of many short texts, such as a hundred entries with a dozen fields: a quarter of the
 * time of the client's own decoder, which is what reading a backlog mostly consists of.
 */
export class ReplyParser {
  readonly #replied: (reply: Reply) => void
  #chunks: Buffer[] = []
  #bytes: Buffer = Buffer.alloc(0)
  /** How far the structure of the present reply is known, and how many of its elements come after that. */
  #scanned = 0
  #missing = 1
  /** No use in looking before there are so many bytes. */
  #needed = 0
  #received = 0
  #at = 0
  #text: string | undefined

  constructor(replied: (reply: Reply) => void) {
    this.#replied = replied
  }

  /** Throws where the bytes are no reply; the connection is of no more use then. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#received += chunk.length
    while (this.#received > 0 && this.#received >= this.#needed) {
      if (this.#chunks.length > 1 || this.#bytes.length !== this.#received) {
        this.#bytes = this.#chunks.length === 1 && this.#chunks[0] !== undefined ? this.#chunks[0] : Buffer.concat(this.#chunks)
        this.#chunks = [this.#bytes]
      }
      if (!this.#scan()) return
      const reply = this.#build()
      this.#bytes = this.#bytes.subarray(this.#scanned)
      this.#chunks = [this.#bytes]
      this.#received = this.#bytes.length
      this.#scanned = 0
      this.#missing = 1
      this.#needed = 0
      this.#replied(reply)
    }
  }

  /** Whether the reply is complete. Goes on where it stopped, so that a reply in many chunks is looked at once. */
  #scan(): boolean {
    while (this.#missing > 0) {
      const end = this.#bytes.indexOf(carriageReturn, this.#scanned)
      if (end === -1 || end + 2 > this.#bytes.length) {
        this.#needed = this.#bytes.length + 1
        return false
      }
      const kind = this.#bytes[this.#scanned]
      let next = end + 2
      let inside = 0
      if (kind === star) inside = Math.max(0, this.#number(this.#scanned + 1, end))
      else if (kind === dollar) {
        const length = this.#number(this.#scanned + 1, end)
        if (length >= 0) next += length + 2
      } else if (kind !== colon && kind !== minus && kind !== 43) {
        throw new Error('Redis sent something that is no reply.')
      }
      if (next > this.#bytes.length) {
        this.#needed = next
        return false
      }
      this.#scanned = next
      this.#missing += inside - 1
    }
    return true
  }

  #build(): Reply {
    const whole = this.#bytes.subarray(0, this.#scanned)
    this.#text = isAscii(whole) ? whole.toString('latin1') : undefined
    this.#at = 0
    try {
      return this.#value()
    } finally {
      this.#text = undefined
    }
  }

  #value(): Reply {
    const kind = this.#bytes[this.#at]
    const start = this.#at + 1
    const end = this.#bytes.indexOf(carriageReturn, start)
    this.#at = end + 2
    if (kind === dollar) {
      const length = this.#number(start, end)
      if (length < 0) return null
      const begin = this.#at
      this.#at += length + 2
      return this.#slice(begin, begin + length)
    }
    if (kind === star) {
      const count = this.#number(start, end)
      if (count < 0) return null
      const items: Reply[] = []
      for (let index = 0; index < count; index++) items.push(this.#value())
      return items
    }
    if (kind === colon) return this.#number(start, end)
    const line = this.#bytes.toString('utf8', start, end)
    if (kind !== minus) return line
    const error = new Error(line)
    error.name = 'ReplyError'
    return error
  }

  /** A text of its own: a part of the whole would keep the whole in memory for as long as somebody keeps an event's id. */
  #slice(begin: number, end: number): string {
    if (this.#text === undefined) return this.#bytes.toString('utf8', begin, end)
    return end - begin < 13 ? this.#text.slice(begin, end) : this.#bytes.toString('latin1', begin, end)
  }

  #number(start: number, end: number): number {
    let value = 0
    const negative = this.#bytes[start] === minus
    for (let at = negative ? start + 1 : start; at < end; at++) value = value * 10 + (this.#bytes[at] ?? 0) - 48
    return negative ? -value : value
  }
}
