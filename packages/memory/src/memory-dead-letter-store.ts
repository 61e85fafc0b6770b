import type { DeadLetter, DeadLetterFilter, DeadLetterList, DeadLetterPage, IDeadLetterStore } from '@interline/core'
import { atLeast } from './memory-options.js'

const defaultLimit = 100

/** Dead letters of this process, oldest first. They are kept until somebody removes them. */
export class MemoryDeadLetterStore implements IDeadLetterStore {
  /** In the order they came, each with a number that pages go by, so that removing one between two pages moves nothing. */
  readonly #letters = new Map<string, { readonly number: number; readonly letter: DeadLetter }>()
  #added = 0

  add(letters: readonly DeadLetter[]): void {
    for (const letter of letters) {
      const number = this.#letters.get(letter.id)?.number ?? ++this.#added
      this.#letters.set(letter.id, { number, letter })
    }
  }

  list(filter: DeadLetterFilter = {}, { limit = defaultLimit, after = '0' }: DeadLetterPage = {}): DeadLetterList {
    const wanted = matcher(filter)
    const last = atLeast(0, 'after', Number(after))
    const most = atLeast(1, 'limit', limit)
    const letters: DeadLetter[] = []
    let listed = last
    for (const { number, letter } of this.#letters.values()) {
      if (number <= last || !wanted(letter)) continue
      if (letters.length === most) return { letters, next: String(listed) }
      letters.push(letter)
      listed = number
    }
    return { letters, next: undefined }
  }

  count(filter: DeadLetterFilter = {}): number {
    const wanted = matcher(filter)
    let count = 0
    for (const { letter } of this.#letters.values()) if (wanted(letter)) count++
    return count
  }

  remove(ids: readonly string[]): number {
    let removed = 0
    for (const id of ids) if (this.#letters.delete(id)) removed++
    return removed
  }
}

function matcher(filter: DeadLetterFilter): (letter: DeadLetter) => boolean {
  const ids = filter.ids === undefined ? undefined : new Set(filter.ids)
  const since = filter.since?.getTime() ?? Number.NEGATIVE_INFINITY
  const until = filter.until?.getTime() ?? Number.POSITIVE_INFINITY
  return (letter) =>
    (ids === undefined || ids.has(letter.id)) &&
    (filter.group ?? letter.group) === letter.group &&
    (filter.handler ?? letter.handler) === letter.handler &&
    (filter.topic ?? letter.topic) === letter.topic &&
    (filter.key === undefined || filter.key === letter.message.key) &&
    (filter.eventType ?? letter.eventType) === letter.eventType &&
    (filter.correlationId === undefined || filter.correlationId === letter.correlationId) &&
    (filter.reason ?? letter.reason) === letter.reason &&
    letter.deadAt >= since &&
    letter.deadAt < until
}
